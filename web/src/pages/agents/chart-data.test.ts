import { expect, test } from "vitest";
import type { FiguresBucket } from "@/api/shapes";
import { factorOf, failureRates, type Line, seriesOf } from "./chart-data";

const HOUR = 3_600_000;

function bucket(hour: number, failed: number, good: number, p50: number | null = null): FiguresBucket {
  return {
    ...{ start: new Date(hour * HOUR).toISOString(), runs: failed + good, inFlight: 0, successRate: null },
    ...{ steps: 0, stepsPerRun: null, stepErrors: 0, stepErrorRate: null, stepDurationMs: { avg: null } },
    ...{ inputTokens: 0, outputTokens: 0, costUsd: 0, durationMs: { avg: null, p50, p95: null } },
    runsByStatus: { PENDING: 0, RUNNING: 7, SUCCESS: good, FAILED: failed, CANCELLED: 0 },
  };
}

const line = (key: string, buckets: FiguresBucket[]): Line => ({ key, label: key, buckets });

test("lines of which one has a bucket more lie on one axis", () => {
  const chart = seriesOf(
    [line("a", [bucket(1, 0, 1, 10), bucket(2, 0, 1, 20)]), line("b", [bucket(2, 0, 1, 30), bucket(3, 0, 1, 40)])],
    ({ durationMs }) => durationMs.p50,
  );
  expect(chart.starts).toEqual([HOUR, 2 * HOUR, 3 * HOUR]);
  expect(chart.series.map(({ values }) => values)).toEqual([
    [10, 20, null],
    [null, 30, 40],
  ]);
});

test("a rate is of the runs that ended, also of several buckets together", () => {
  const buckets = [bucket(2, 1, 1), bucket(3, 0, 2), bucket(4, 0, 0), bucket(5, 0, 0)];
  expect(failureRates([line("a", buckets)], HOUR).series[0]?.values).toEqual([0.5, 0, null, null]);
  const wide = failureRates([line("a", buckets)], 2 * HOUR);
  expect(wide.starts).toEqual([2 * HOUR, 4 * HOUR]);
  expect(wide.series[0]?.values).toEqual([0.25, null]);
});

test("buckets of few runs are put together, as long as ten are left", () => {
  const of = (hours: number, each: number) =>
    line(
      "a",
      Array.from({ length: hours }, (_, hour) => bucket(hour, 0, each)),
    );
  expect(factorOf([of(168, 20)], "hour")).toBe(1);
  expect(factorOf([of(168, 4)], "hour")).toBe(3);
  expect(factorOf([of(168, 1)], "hour")).toBe(12);
  expect(factorOf([of(24, 1)], "hour")).toBe(2);
  expect(factorOf([of(5, 1)], "hour")).toBe(1);
});
