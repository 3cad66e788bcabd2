import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { FiguresSummary } from "@/api/shapes";
import { KpiTile } from "@/components/kpi-tile";
import { formatCost, formatDuration, formatPercent, formatShort } from "@/lib/format";
import { leastOf } from "@/lib/percentiles";
import { scopeOf } from "@/lib/places";
import { runsBehind } from "./links";
import classes from "./page.module.css";
import type { OverviewSearch } from "./search";

interface Tile {
  label: string;
  read: (figures: Figures) => number | null;
  format: (value: number | null) => string;
  unit?: "share";
  better?: "up" | "down";
  hint: string;
  link: (content: ReactNode, figures: Figures, search: OverviewSearch) => ReactNode;
}

/** What a window and the one before have in common. */
type Figures = Omit<FiguresSummary, "previous" | "agents" | "agentsLeftOut" | "window">;

const TILES: readonly Tile[] = [
  {
    label: "Success rate",
    read: ({ successRate }) => successRate,
    format: formatPercent,
    unit: "share",
    better: "up",
    hint: "Of the runs that have ended",
    link: (content, _, search) => toRuns(content, search, { status: ["SUCCESS"] }),
  },
  {
    label: "Failed runs",
    read: ({ runsByStatus }) => runsByStatus.FAILED,
    format: formatShort,
    better: "down",
    hint: "Runs that ended with the status FAILED",
    link: (content, _, search) => toRuns(content, search, { status: ["FAILED"] }),
  },
  {
    label: "Runs",
    read: ({ runs }) => runs,
    format: formatShort,
    hint: "Runs that began in the window",
    link: (content, _, search) => toRuns(content, search),
  },
  {
    label: "In flight",
    read: ({ inFlight }) => inFlight,
    format: formatShort,
    hint: "Runs of the window that have not ended",
    link: (content, _, search) => toRuns(content, search, { status: ["RUNNING", "PENDING"] }),
  },
  {
    label: "Run duration p50",
    read: ({ durationMs }) => durationMs.p50,
    format: formatDuration,
    better: "down",
    hint: "Half of the runs took longer. Leads to those",
    link: (content, { durationMs }, search) => slowerThan(content, durationMs.p50, search),
  },
  {
    label: "Run duration p95",
    read: ({ durationMs }) => durationMs.p95,
    format: formatDuration,
    better: "down",
    hint: "One run of twenty took longer. Leads to those",
    link: (content, { durationMs }, search) => slowerThan(content, durationMs.p95, search),
  },
  {
    label: "Steps",
    read: ({ steps }) => steps,
    format: formatShort,
    hint: "Leads to the runs with most steps",
    link: (content, _, search) => toRuns(content, search, { sort: "steps" }),
  },
  {
    label: "Step error rate",
    read: ({ stepErrorRate }) => stepErrorRate,
    format: formatPercent,
    unit: "share",
    better: "down",
    hint: "Of all steps. Leads to the runs with an error",
    link: (content, _, search) => toRuns(content, search, { hasError: true }),
  },
  {
    label: "Step duration, average",
    read: ({ stepDurationMs }) => stepDurationMs.avg,
    format: formatDuration,
    better: "down",
    hint: "Leads to the tools, the slowest first",
    link: (content, _, search) => (
      <Link to="/tools" search={scopeOf(search)}>
        {content}
      </Link>
    ),
  },
  {
    label: "Input tokens",
    read: ({ inputTokens }) => inputTokens,
    format: formatShort,
    hint: "Leads to the runs that cost most",
    link: (content, _, search) => toRuns(content, search, { sort: "cost" }),
  },
  {
    label: "Output tokens",
    read: ({ outputTokens }) => outputTokens,
    format: formatShort,
    hint: "Leads to the runs that cost most",
    link: (content, _, search) => toRuns(content, search, { sort: "cost" }),
  },
  {
    label: "Cost",
    read: ({ costUsd }) => costUsd,
    format: formatCost,
    hint: "Leads to the runs that cost most",
    link: (content, _, search) => toRuns(content, search, { sort: "cost" }),
  },
];

const FOLD_MAX = 100;

/** The figures of the window, what tells whether all is well first. */
export function Kpis({ summary, search }: { summary: FiguresSummary; search: OverviewSearch }) {
  return (
    <div className={classes.kpis}>
      {TILES.map(({ label, read, format, unit, better, hint, link }) => (
        <KpiTile
          key={label}
          label={label}
          value={format(read(summary))}
          now={read(summary)}
          before={unit ? read(summary.previous) : comparable(read(summary), read(summary.previous))}
          unit={unit}
          better={better}
          hint={hint}
          link={(content) => link(content, summary, search)}
        />
      ))}
    </div>
  );
}

/** What was before, unless that is next to nothing: a thousandfold says no more than the figure itself. */
function comparable(now: number | null, before: number | null): number | null {
  return now !== null && before !== null && Math.abs(now) > FOLD_MAX * Math.abs(before) ? null : before;
}

function toRuns(content: ReactNode, search: OverviewSearch, more: Parameters<typeof runsBehind>[1] = {}) {
  return (
    <Link to="/runs" search={runsBehind(search, more)}>
      {content}
    </Link>
  );
}

function slowerThan(content: ReactNode, ms: number | null, search: OverviewSearch) {
  return toRuns(content, search, { minDurationMs: leastOf(ms), sort: "duration" });
}
