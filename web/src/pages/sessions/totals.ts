/** What the runs of a session or a user amount to. */
import type { RunSummary } from "@/api/shapes";

export interface Totals {
  runs: number;
  failed: number;
  running: number;
  steps: number;
  errors: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
  /** Of the runs that have ended, together. */
  durationMs: number;
  sessions: number;
}

export function totalsOf(runs: readonly RunSummary[]): Totals {
  const sum = (of: (run: RunSummary) => number) => runs.reduce((total, run) => total + of(run), 0);
  return {
    runs: runs.length,
    failed: runs.filter(({ status }) => status === "FAILED").length,
    running: runs.filter(({ status }) => status === "RUNNING").length,
    steps: sum((run) => run.stepCount),
    errors: sum((run) => run.errorCount),
    inputTokens: sum((run) => run.inputTokens),
    outputTokens: sum((run) => run.outputTokens),
    costUsd: sum((run) => run.costUsd),
    durationMs: sum((run) => run.durationMs ?? 0),
    sessions: new Set(runs.flatMap(({ sessionId }) => sessionId ?? [])).size,
  };
}

/** The runs with some of them as they are now, in their places or as new ones; the latest first. */
export function withRuns(runs: readonly RunSummary[], changed: readonly RunSummary[]): RunSummary[] {
  const all = new Map([...runs, ...changed].map((run) => [run.id, run]));
  return [...all.values()].sort((one, other) => Date.parse(other.startedAt) - Date.parse(one.startedAt));
}

export interface Mark {
  run: RunSummary;
  /** Shares of the whole strip: 0 is its start, 1 its end. */
  left: number;
  width: number;
}

/** Where runs stand on a strip of time. `now` is how long those last that have not ended. */
export function marksOf(runs: readonly RunSummary[], now: number): Mark[] {
  const spans = runs.map((run) => {
    const start = Date.parse(run.startedAt);
    const isOpen = run.finishedAt === null && run.status === "RUNNING" && !run.stale;
    const end = isOpen ? now : Date.parse(run.finishedAt ?? run.startedAt);
    return { run, start, end: Math.max(start, end) };
  });
  const first = Math.min(...spans.map(({ start }) => start));
  const whole = Math.max(1, Math.max(...spans.map(({ end }) => end)) - first);
  return spans.map(({ run, start, end }) => ({ run, left: (start - first) / whole, width: (end - start) / whole }));
}
