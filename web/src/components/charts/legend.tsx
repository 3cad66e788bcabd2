import classes from "./legend.module.css";
import type { Kind } from "./plot-options";
import type { Series } from "./series";

interface LegendProps {
  label: string;
  series: readonly Series[];
  hidden: ReadonlySet<string>;
  kind: Kind;
  onToggle: (key: string) => void;
}

/** Which colour is what; choosing one takes it out of the chart, or back in. */
export function Legend({ label, series, hidden, kind, onToggle }: LegendProps) {
  return (
    <fieldset className={classes.legend} aria-label={`${label}: what is shown`}>
      {series.map(({ key, label: name, color }) => (
        <button
          key={key}
          type="button"
          className={classes.entry}
          aria-pressed={!hidden.has(key)}
          title={hidden.has(key) ? `Show ${name}` : `Hide ${name}`}
          onClick={() => onToggle(key)}
        >
          <span className={classes.swatch} data-kind={kind} style={{ background: color }} aria-hidden />
          <span className={classes.name}>{name}</span>
        </button>
      ))}
    </fieldset>
  );
}
