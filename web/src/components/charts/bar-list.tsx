import type { ReactNode } from "react";
import classes from "./bar-list.module.css";

export interface BarRow {
  key: string | number;
  label: ReactNode;
  /** As it is shown, at the right. */
  value: ReactNode;
  /** Of the longest bar, 0 to 1. */
  share: number;
  /** Smaller, under the label or beside the value. */
  detail?: ReactNode;
  color?: string;
  title?: string;
}

/** A ranking: a name, a bar, a figure. Names and figures may be links. */
export function BarList({ label, rows }: { label: string; rows: readonly BarRow[] }) {
  return (
    <ul className={classes.list} aria-label={label}>
      {rows.map(({ key, label: name, value, share, detail, color, title }) => (
        <li key={key} className={classes.row} title={title}>
          <span className={classes.name}>{name}</span>
          <span className={classes.value}>
            {detail && <span className={classes.detail}>{detail}</span>}
            {value}
          </span>
          <span className={classes.track} aria-hidden>
            <span
              className={classes.bar}
              style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%`, background: color }}
            />
          </span>
        </li>
      ))}
    </ul>
  );
}
