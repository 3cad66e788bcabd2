import { ActionIcon } from "@mantine/core";
import { IconChartBar, IconTable } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./chart-frame.module.css";

interface ChartFrameProps {
  label: string;
  legend?: ReactNode;
  /** What one has to know to read it. */
  note?: string;
  isTable: boolean;
  /** Without it there is nothing to show as a table. */
  onTable?: (isTable: boolean) => void;
  children: ReactNode;
}

/** A chart with its legend, and the way to the same figures as a table. */
export function ChartFrame({ label, legend, note, isTable, onTable, children }: ChartFrameProps) {
  const text = isTable ? `${label}: show as chart` : `${label}: show as table`;
  return (
    <div className={classes.frame}>
      <div className={classes.head}>
        <div>{legend}</div>
        {note && <span className={classes.note}>{note}</span>}
        {onTable && (
          <ActionIcon
            size="sm"
            aria-label={text}
            title={isTable ? "Show as chart" : "Show as table"}
            onClick={() => onTable(!isTable)}
          >
            {isTable ? <IconChartBar size={14} /> : <IconTable size={14} />}
          </ActionIcon>
        )}
      </div>
      {children}
    </div>
  );
}
