import { expect, test } from "vitest";
import type { RunSummary } from "@/api/shapes";
import { bucketsOf, sessionsOf } from "./user-figures";

const RUN: RunSummary = {
  ...{
    id: "1",
    agentId: 1,
    agentName: "a",
    agentVersion: "1",
    userId: 4,
    sessionId: "s",
    name: null,
    status: "SUCCESS",
  },
  ...{ startedAt: "2026-03-01T12:00:00Z", finishedAt: null, durationMs: 10, stepCount: 2, errorCount: 1 },
  ...{ inputTokens: 5, outputTokens: 1, costUsd: 0.5, tags: null, lastEventAt: "2026-03-01T12:00:10Z", stale: false },
};

test("sessions are summed up, the one with the latest run first", () => {
  const runs: RunSummary[] = [
    { ...RUN, id: "3", startedAt: "2026-03-01T14:00:00Z", status: "FAILED" },
    { ...RUN, id: "2", sessionId: "__proto__", startedAt: "2026-03-01T13:00:00Z" },
    RUN,
    { ...RUN, id: "0", sessionId: null },
  ];
  expect(sessionsOf(runs)).toMatchObject([
    { id: "s", runCount: 2, failedCount: 1, lastRunId: "3", firstStartedAt: RUN.startedAt, costUsd: 1, userId: 4 },
    { id: "__proto__", runCount: 1, failedCount: 0 },
  ]);
});

test("runs are counted where they began", () => {
  const from = Date.parse("2026-03-01T11:30:00Z");
  const to = Date.parse("2026-03-02T12:30:00Z");
  const late = { ...RUN, startedAt: "2026-03-02T12:10:00Z", status: "FAILED" as const };
  const { bucketMs, starts, counts } = bucketsOf([RUN, RUN, late], from, to);
  expect([bucketMs, starts.length]).toEqual([900_000, 100]);
  expect(counts.get("SUCCESS")?.[2]).toBe(2);
  expect(counts.get("FAILED")?.[98]).toBe(1);
  expect(bucketsOf([], from, to).counts.size).toBe(0);
});

test("a window of years still has few buckets", () => {
  expect(bucketsOf([], 0, Date.parse("2026-01-01")).starts.length).toBeLessThanOrEqual(101);
});
