/** Agents by name: the figures of their versions, and of all of them together. */
import type { Agent, FiguresSummary } from "@/api/shapes";
import type { AgentSort } from "./search";

type AgentFigures = FiguresSummary["agents"][number];

export interface Figures {
  runs: number;
  success: number | null;
  failed: number;
  inFlight: number;
  /** Average, in milliseconds. */
  duration: number | null;
  steps: number | null;
  stepErrors: number | null;
  tokens: number;
  cost: number;
}

export interface VersionRow extends Figures {
  /** null: the server does not know yet whose runs they are. */
  id: number | null;
  version: string;
}

export interface AgentRow extends Figures {
  /** null: the server does not know yet whose runs they are. */
  name: string | null;
  /** The latest first. */
  versions: VersionRow[];
}

/** Agents that ran, and those of `known` that did not. */
export function agentRows(figures: readonly AgentFigures[], known: readonly Agent[]): AgentRow[] {
  const ran = new Set(figures.map(({ id }) => id));
  const all = [...figures, ...known.filter(({ id }) => !ran.has(id)).map(idle)];
  const groups = new Map<string | null, AgentFigures[]>();
  for (const one of all) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  return [...groups].map(([name, versions]) => ({
    name,
    ...figuresOf(versions),
    versions: versions
      .toSorted((one, other) => (other.id ?? 0) - (one.id ?? 0))
      .map((version) => ({ id: version.id, version: version.version ?? "", ...figuresOf([version]) })),
  }));
}

export function endedOf({ SUCCESS, FAILED, CANCELLED }: AgentFigures["runsByStatus"]): number {
  return SUCCESS + FAILED + CANCELLED;
}

/** Of several together. The server tells no sum of durations: versions count by their runs that ended. */
export function figuresOf(parts: readonly AgentFigures[]): Figures {
  const sum = (read: (part: AgentFigures) => number) => parts.reduce((all, part) => all + read(part), 0);
  const timed = parts.filter(({ durationMs }) => durationMs.avg !== null);
  const weight = timed.reduce((all, part) => all + endedOf(part.runsByStatus), 0);
  const weighted = timed.reduce((all, part) => all + endedOf(part.runsByStatus) * (part.durationMs.avg ?? 0), 0);
  const [runs, steps] = [sum((part) => part.runs), sum((part) => part.steps)];
  return {
    runs,
    success: share(
      sum((part) => part.runsByStatus.SUCCESS),
      sum((part) => endedOf(part.runsByStatus)),
    ),
    failed: sum((part) => part.runsByStatus.FAILED),
    inFlight: sum((part) => part.inFlight),
    duration: share(weighted, weight),
    steps: share(steps, runs),
    stepErrors: share(
      sum((part) => part.stepErrors),
      steps,
    ),
    tokens: sum((part) => part.inputTokens + part.outputTokens),
    cost: sum((part) => part.costUsd),
  };
}

/** Whether a column is sorted with the smallest first at first: names from A, success from the worst. */
export function isAscending(sort: AgentSort, reverse = false): boolean {
  return (sort === "name" || sort === "success") !== reverse;
}

/** Those that did not run, and what is not known, are last whichever way. */
export function sortRows(rows: readonly AgentRow[], sort: AgentSort, reverse = false): AgentRow[] {
  const way = isAscending(sort, reverse) ? 1 : -1;
  return rows.toSorted((one, other) => {
    const active = Number(other.runs > 0) - Number(one.runs > 0);
    return (
      active ||
      (sort === "name" ? way * byName(one, other) : byFigure(one[sort], other[sort], way)) ||
      byName(one, other)
    );
  });
}

function byName(one: AgentRow, other: AgentRow): number {
  return (one.name ?? "\uffff").localeCompare(other.name ?? "\uffff");
}

function byFigure(one: number | null, other: number | null, way: number): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  return way * (one - other);
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

function idle({ id, name, version }: Agent): AgentFigures {
  return {
    ...{ id, name, version, runs: 0, inFlight: 0, successRate: null },
    runsByStatus: { PENDING: 0, RUNNING: 0, SUCCESS: 0, FAILED: 0, CANCELLED: 0 },
    ...{ durationMs: { avg: null }, stepDurationMs: { avg: null }, stepsPerRun: null, stepErrorRate: null },
    ...{ steps: 0, stepErrors: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 },
  };
}
