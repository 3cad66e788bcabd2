import { SimpleGrid } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { FiguresSummary } from "@/api/shapes";
import { KpiTile } from "@/components/kpi-tile";
import { formatCost, formatDuration, formatPercent, formatShort } from "@/lib/format";
import { leastOf } from "@/lib/percentiles";
import type { RunsSearch } from "@/pages/runs/search";

type Figures = Pick<
  FiguresSummary,
  "runs" | "runsByStatus" | "successRate" | "durationMs" | "costUsd" | "stepErrorRate"
>;

interface Tile {
  label: string;
  read: (figures: Figures) => number | null;
  format: (value: number | null) => string;
  unit?: "share";
  better?: "up" | "down";
  hint?: string;
  runs: (figures: Figures) => RunsSearch;
}

const slower = (ms: number | null): RunsSearch => ({
  minDurationMs: leastOf(ms),
  sort: "duration",
});

const TILES: readonly Tile[] = [
  { label: "Runs", read: ({ runs }) => runs, format: formatShort, runs: () => ({}) },
  {
    label: "Success rate",
    read: ({ successRate }) => successRate,
    format: formatPercent,
    unit: "share",
    better: "up",
    hint: "Of the runs that have ended",
    runs: () => ({ status: ["SUCCESS"] }),
  },
  {
    label: "Failed runs",
    read: ({ runsByStatus }) => runsByStatus.FAILED,
    format: formatShort,
    better: "down",
    runs: () => ({ status: ["FAILED"] }),
  },
  {
    label: "Run duration p50",
    read: ({ durationMs }) => durationMs.p50,
    format: formatDuration,
    better: "down",
    hint: "Half of the runs took longer. Leads to those",
    runs: ({ durationMs }) => slower(durationMs.p50),
  },
  {
    label: "Run duration p95",
    read: ({ durationMs }) => durationMs.p95,
    format: formatDuration,
    better: "down",
    hint: "One run of twenty took longer. Leads to those",
    runs: ({ durationMs }) => slower(durationMs.p95),
  },
  {
    label: "Cost per run",
    read: ({ costUsd, runs }) => (runs > 0 ? costUsd / runs : null),
    format: formatCost,
    better: "down",
    hint: "Leads to the runs, the dearest first",
    runs: () => ({ sort: "cost" }),
  },
];

interface AgentTilesProps {
  summary: FiguresSummary;
  runs: (more?: RunsSearch) => RunsSearch;
}

/** The agent's figures, or those of the version that is looked at. */
export function AgentTiles({ summary, runs }: AgentTilesProps) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="xs" verticalSpacing="xs">
      {TILES.map(({ label, read, format, unit, better, hint, runs: more }) => (
        <KpiTile
          key={label}
          label={label}
          value={format(read(summary))}
          now={read(summary)}
          before={read(summary.previous)}
          unit={unit}
          better={better}
          hint={hint}
          link={(content) => (
            <Link to="/runs" search={runs(more(summary))}>
              {content}
            </Link>
          )}
        />
      ))}
    </SimpleGrid>
  );
}
