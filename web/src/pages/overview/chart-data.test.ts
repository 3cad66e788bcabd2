import { expect, test } from "vitest";
import type { FiguresBucket } from "@/api/shapes";
import { runDurations, runsByStatus, stepDurations } from "./chart-data";

function bucket(start: string, success: number, failed: number, p95: number | null): FiguresBucket {
  return {
    start,
    runs: success + failed,
    runsByStatus: { PENDING: 0, RUNNING: 0, SUCCESS: success, FAILED: failed, CANCELLED: 0 },
    inFlight: 0,
    successRate: null,
    steps: 0,
    stepsPerRun: null,
    stepErrors: 0,
    stepErrorRate: null,
    durationMs: { avg: p95, p50: p95 && p95 / 2, p95 },
    stepDurationMs: { avg: null },
    inputTokens: 0,
    outputTokens: 0,
    costUsd: 0,
  };
}

const BUCKETS = [bucket("2026-03-01T10:00:00+00:00", 4, 0, 800), bucket("2026-03-01T11:00:00+00:00", 0, 2, null)];

test("failures are at the bottom of the bars, and statuses that no run has are left out", () => {
  const { starts, series } = runsByStatus(BUCKETS);
  expect(starts).toEqual([Date.parse("2026-03-01T10:00:00Z"), Date.parse("2026-03-01T11:00:00Z")]);
  expect(series.map(({ key, values }) => [key, values])).toEqual([
    ["FAILED", [0, 2]],
    ["SUCCESS", [4, 0]],
  ]);
});

test("a bucket without durations is a gap", () => {
  expect(runDurations(BUCKETS).series.map(({ key, values }) => [key, values])).toEqual([
    ["p95", [800, null]],
    ["p50", [400, null]],
  ]);
  expect(stepDurations(BUCKETS).series[0]?.values).toEqual([null, null]);
});
