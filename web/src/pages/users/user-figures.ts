/** What a user's runs say: their sessions, and how many there were over time. */
import type { RunStatus, RunSummary, Session } from "@/api/shapes";

/** As the API sums up sessions, but of these runs only; the one with the latest run first. `runs` have the latest first. */
export function sessionsOf(runs: readonly RunSummary[]): Session[] {
  const sessions = new Map<string, Session>();
  for (const run of runs) {
    if (run.sessionId === null) continue;
    const known = sessions.get(run.sessionId) ?? emptySession(run.sessionId, run);
    sessions.set(run.sessionId, withRun(known, run));
  }
  return [...sessions.values()];
}

function emptySession(id: string, latest: RunSummary): Session {
  return {
    ...{ id, userId: latest.userId, runCount: 0, failedCount: 0, stepCount: 0, errorCount: 0 },
    ...{ inputTokens: 0, outputTokens: 0, costUsd: 0, lastRunId: latest.id },
    ...{ firstStartedAt: latest.startedAt, lastStartedAt: latest.startedAt },
  };
}

function withRun(session: Session, run: RunSummary): Session {
  return {
    ...session,
    runCount: session.runCount + 1,
    failedCount: session.failedCount + (run.status === "FAILED" ? 1 : 0),
    firstStartedAt: run.startedAt,
    stepCount: session.stepCount + run.stepCount,
    errorCount: session.errorCount + run.errorCount,
    inputTokens: session.inputTokens + run.inputTokens,
    outputTokens: session.outputTokens + run.outputTokens,
    costUsd: session.costUsd + run.costUsd,
  };
}

export interface Buckets {
  bucketMs: number;
  starts: number[];
  /** How many runs of a status began in each bucket. */
  counts: Map<RunStatus, number[]>;
}

const HOUR_MS = 3_600_000;
const BUCKETS_MAX = 100;
const SIZES_MS = [60_000, 300_000, 900_000, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS];

/** Runs by when they began, from `from` to `to`, in epoch milliseconds. */
export function bucketsOf(runs: readonly RunSummary[], from: number, to: number): Buckets {
  const bucketMs = SIZES_MS.find((size) => (to - from) / size <= BUCKETS_MAX) ?? Math.ceil((to - from) / BUCKETS_MAX);
  const first = Math.floor(from / bucketMs) * bucketMs;
  const size = Math.max(1, Math.ceil((to - first) / bucketMs));
  const starts = Array.from({ length: size }, (_, at) => first + at * bucketMs);
  const counts = new Map<RunStatus, number[]>();
  for (const { status, startedAt } of runs) {
    const at = Math.floor((Date.parse(startedAt) - first) / bucketMs);
    if (at < 0 || at >= size) continue;
    const values = counts.get(status) ?? new Array<number>(size).fill(0);
    values[at] = (values[at] ?? 0) + 1;
    counts.set(status, values);
  }
  return { bucketMs, starts, counts };
}
