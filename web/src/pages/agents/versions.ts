/** The versions of one agent, beside one another. */
import type { Agent, FiguresSummary } from "@/api/shapes";
import {
  changeOf,
  formatChange,
  formatCost,
  formatCount,
  formatDuration,
  formatPercent,
  formatPoints,
  formatShort,
  shareChangeOf,
} from "@/lib/format";
import { leastOf } from "@/lib/percentiles";
import type { RunsSearch } from "@/pages/runs/search";
import { endedOf } from "./figures";

export interface Version {
  id: number;
  version: string;
}

/** At most: each is a question of its own, as percentiles of several cannot be told apart. */
export const VERSIONS_MAX = 8;
/** As many lines as can be told from one another. */
export const LINES_MAX = 5;
/** Fewer ended runs than these tell nothing of a version. */
export const RUNS_MIN = 20;

const SAME_SHARE = 0.005;
const SAME_CHANGE = 0.01;

export interface Versions {
  /** The latest first. */
  all: Version[];
  /** Those that ran in the window, at most `VERSIONS_MAX`. */
  shown: Version[];
  /** How many more ran. */
  leftOut: number;
  /** Those that did not. */
  idle: Version[];
}

export function versionsOf(name: string, known: readonly Agent[], ran: FiguresSummary["agents"]): Versions {
  const found = new Map<number, string>();
  for (const agent of known) if (agent.name === name) found.set(agent.id, agent.version);
  const active = new Set<number>();
  for (const { id, version } of ran) {
    if (id === null) continue;
    active.add(id);
    found.set(id, version ?? "");
  }
  // Ids grow in the order of registration.
  const all = [...found].map(([id, version]) => ({ id, version })).toSorted((one, other) => other.id - one.id);
  const recent = all.filter(({ id }) => active.has(id));
  return {
    all,
    shown: recent.slice(0, VERSIONS_MAX),
    leftOut: recent.length - Math.min(recent.length, VERSIONS_MAX),
    idle: all.filter(({ id }) => !active.has(id)),
  };
}

export interface Measure {
  key: string;
  header: string;
  hint?: string;
  read: (figures: FiguresSummary) => number | null;
  format: (value: number | null) => string;
  /** Which way is good; without it a difference is neither. */
  better?: "up" | "down";
  /** Differences are in points. */
  isShare?: boolean;
  /** What the runs behind it have in common. */
  runs: (figures: FiguresSummary) => RunsSearch;
}

export const MEASURES: readonly Measure[] = [
  { key: "runs", header: "Runs", read: ({ runs }) => runs, format: formatCount, runs: () => ({}) },
  {
    key: "success",
    header: "Success",
    hint: "Of the runs that have ended",
    read: ({ successRate }) => successRate,
    format: formatPercent,
    better: "up",
    isShare: true,
    runs: () => ({ status: ["SUCCESS"] }),
  },
  ...(["p50", "p95", "p99"] as const).map(
    (key): Measure => ({
      key,
      header: key,
      hint: "Run duration. Leads to the runs that took longer",
      read: ({ durationMs }) => durationMs[key],
      format: formatDuration,
      better: "down",
      runs: ({ durationMs }) => ({ minDurationMs: leastOf(durationMs[key]), sort: "duration" }),
    }),
  ),
  {
    key: "cost",
    header: "Cost/run",
    read: ({ costUsd, runs }) => perRun(costUsd, runs),
    format: formatCost,
    better: "down",
    runs: () => ({ sort: "cost" }),
  },
  {
    key: "tokens",
    header: "Tokens/run",
    hint: "Input and output together",
    read: ({ inputTokens, outputTokens, runs }) => perRun(inputTokens + outputTokens, runs),
    format: formatShort,
    better: "down",
    runs: () => ({ sort: "cost" }),
  },
  {
    key: "steps",
    header: "Steps/run",
    read: ({ stepsPerRun }) => stepsPerRun,
    format: formatShort,
    runs: () => ({ sort: "steps" }),
  },
  {
    key: "stepErrors",
    header: "Step errors",
    hint: "Share of steps that failed. Leads to the runs with an error",
    read: ({ stepErrorRate }) => stepErrorRate,
    format: formatPercent,
    better: "down",
    isShare: true,
    runs: () => ({ hasError: true }),
  },
];

export interface Difference {
  text: string;
  /** Undefined where it is neither, too small, or of too few runs to tell. */
  news?: "better" | "worse";
  /** Of too few runs to tell. */
  isFew: boolean;
}

/** How a version differs from the one before; undefined where one of them says nothing. */
export function differenceOf(measure: Measure, now: FiguresSummary, before: FiguresSummary): Difference | undefined {
  const [value, old] = [measure.read(now), measure.read(before)];
  const isFew = Math.min(endedOf(now.runsByStatus), endedOf(before.runsByStatus)) < RUNS_MIN;
  const change = measure.isShare ? shareChangeOf(value, old) : changeOf(value, old);
  if (change === undefined) return undefined;
  const isSame = Math.abs(change) < (measure.isShare ? SAME_SHARE : SAME_CHANGE);
  const text = measure.isShare ? formatPoints(change) : formatChange(change);
  if (isSame || isFew || measure.better === undefined) return { text, isFew };
  return { text, news: change > 0 === (measure.better === "up") ? "better" : "worse", isFew };
}

function perRun(sum: number, runs: number): number | null {
  return runs > 0 ? sum / runs : null;
}
