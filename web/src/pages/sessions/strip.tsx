import type { RunSummary } from "@/api/shapes";
import { STATUS_FILL, statusLabel } from "@/components/status-badge";
import { formatDuration, plural } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import classes from "./strip.module.css";
import { marksOf, totalsOf } from "./totals";

/** When the runs were, on one line of time. */
export function Strip({ runs }: { runs: readonly RunSummary[] }) {
  const now = useNow();
  const { failed } = totalsOf(runs);
  return (
    <div
      className={classes.strip}
      role="img"
      aria-label={`When the runs were: ${plural(runs.length, "run")}, ${failed} of them failed`}
    >
      {marksOf(runs, now).map(({ run, left, width }) => (
        <span
          key={run.id}
          className={classes.mark}
          title={`${run.name ?? run.id}: ${statusLabel(run.status)}, ${formatDuration(run.durationMs)}`}
          style={{
            left: `calc(${left * 100}% - ${left * 6}px)`,
            width: `max(6px, ${width * 100}%)`,
            background: STATUS_FILL[run.status],
          }}
        />
      ))}
    </div>
  );
}
