import { expect, test } from "vitest";
import { callsOf, sumsOf, type ToolBucket, windowBefore } from "./figures";

const bucket = (calls: number, failures: number): ToolBucket => ({
  ...{
    start: "2026-01-01T00:00:00Z",
    calls,
    failures,
    failureRate: null,
    inputTokens: 2,
    outputTokens: 1,
    costUsd: 0.5,
  },
  durationMs: { avg: null, p50: null, p95: null },
});

test("a rate of the window is of all its calls", () => {
  expect(sumsOf([bucket(1, 1), bucket(9, 0)])).toEqual({
    calls: 10,
    failures: 1,
    failureRate: 0.1,
    tokens: 6,
    costUsd: 1,
  });
  expect(sumsOf([bucket(0, 0)]).failureRate).toBeNull();
});

test("failed calls and the others make up all calls", () => {
  expect(callsOf([bucket(9, 2)]).series.map(({ values }) => values)).toEqual([[2], [7]]);
});

test("the window before ends at the hour in which the window begins", () => {
  expect(windowBefore({ from: "2026-01-02T10:40:00Z", to: "2026-01-03T10:40:00Z" })).toEqual({
    from: "2026-01-01T10:00:00.000Z",
    to: "2026-01-02T10:00:00.000Z",
  });
  expect(windowBefore({ from: "2026-01-02T10:40:00Z", to: "2026-01-02T12:40:00Z" })).toBeUndefined();
});
