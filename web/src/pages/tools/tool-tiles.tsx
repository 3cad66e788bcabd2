import { SimpleGrid } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { components } from "@/api/schema";
import { KpiTile } from "@/components/kpi-tile";
import { formatCost, formatDuration, formatPercent, formatShort } from "@/lib/format";
import type { RunsSearch } from "@/pages/runs/search";
import { sumsOf, type ToolBucket, type ToolSums } from "./figures";

export interface ToolFiguresOf {
  buckets: readonly ToolBucket[];
  durationMs: components["schemas"]["Percentiles"];
}

type Figures = ToolSums & ToolFiguresOf["durationMs"];

interface Tile {
  label: string;
  read: (figures: Figures) => number | null;
  format: (value: number | null) => string;
  unit?: "share";
  better?: "down";
  hint: string;
  more?: RunsSearch;
}

const LONGEST: RunsSearch = { sort: "duration" };
const WITH_ERROR: RunsSearch = { hasError: true };
const TILES: readonly Tile[] = [
  { label: "Calls", read: ({ calls }) => calls, format: formatShort, hint: "Steps. Leads to the runs that use it" },
  {
    label: "Failures",
    read: ({ failures }) => failures,
    format: formatShort,
    better: "down",
    hint: "Of its steps. Leads to the runs that use it and have an error",
    more: WITH_ERROR,
  },
  {
    label: "Failure rate",
    read: ({ failureRate }) => failureRate,
    format: formatPercent,
    unit: "share",
    better: "down",
    hint: "Of its steps. Leads to the runs that use it and have an error",
    more: WITH_ERROR,
  },
  ...(["p50", "p95", "p99"] as const).map(
    (key): Tile => ({
      label: `Duration ${key}`,
      read: (figures) => figures[key],
      format: formatDuration,
      better: "down",
      hint: "Of its steps. Leads to the runs that use it, the longest first",
      more: LONGEST,
    }),
  ),
  {
    label: "Tokens",
    read: ({ tokens }) => tokens,
    format: formatShort,
    hint: "Input and output together. Leads to the runs that use it, the dearest first",
    more: { sort: "cost" },
  },
  {
    label: "Cost",
    read: ({ costUsd }) => costUsd,
    format: formatCost,
    hint: "Leads to the runs that use it, the dearest first",
    more: { sort: "cost" },
  },
];

interface ToolTilesProps {
  now: ToolFiguresOf;
  /** Of the window before, where it can be compared. */
  before: ToolFiguresOf | null | undefined;
  /** Undefined where no list can show the runs. */
  runs: ((more?: RunsSearch) => RunsSearch) | undefined;
}

export function ToolTiles({ now, before, runs }: ToolTilesProps) {
  const [figures, old] = [figuresOf(now), before ? figuresOf(before) : undefined];
  return (
    <SimpleGrid cols={{ base: 2, sm: 4, xl: 8 }} spacing="xs" verticalSpacing="xs">
      {TILES.map(({ label, read, format, unit, better, hint, more }) => (
        <KpiTile
          key={label}
          label={label}
          value={format(read(figures))}
          now={read(figures)}
          before={old && read(old)}
          unit={unit}
          better={better}
          hint={hint}
          link={
            runs &&
            ((content) => (
              <Link to="/runs" search={runs(more)}>
                {content}
              </Link>
            ))
          }
        />
      ))}
    </SimpleGrid>
  );
}

function figuresOf({ buckets, durationMs }: ToolFiguresOf): Figures {
  return { ...sumsOf(buckets), ...durationMs };
}
