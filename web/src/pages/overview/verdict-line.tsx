import { IconAlertTriangle, IconCircleCheck, IconExclamationCircle, IconMoon } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { FiguresSummary } from "@/api/shapes";
import { plural } from "@/lib/format";
import { runsBehind } from "./links";
import type { OverviewSearch } from "./search";
import { verdictOf } from "./verdict";
import classes from "./verdict-line.module.css";

const ICONS = { good: IconCircleCheck, watch: IconAlertTriangle, bad: IconExclamationCircle, quiet: IconMoon } as const;

/** One look tells whether the agents are fine. */
export function VerdictLine({ summary, search }: { summary: FiguresSummary; search: OverviewSearch }) {
  const { mood, title, reasons } = verdictOf(summary, summary.previous);
  const failed = summary.runsByStatus.FAILED;
  const Icon = ICONS[mood];
  return (
    <div className={classes.line} data-mood={mood} role="status">
      <Icon size={18} aria-hidden className={classes.icon} />
      <strong>{title}</strong>
      {reasons.length > 0 && <span className={classes.reasons}>{reasons.join("; ")}</span>}
      {failed > 0 && (
        <Link to="/runs" search={runsBehind(search, { status: ["FAILED"] })} className={classes.link}>
          See {plural(failed, "failed run")}
        </Link>
      )}
    </div>
  );
}
