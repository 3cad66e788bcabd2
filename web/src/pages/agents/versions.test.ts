import { describe, expect, test } from "vitest";
import type { FiguresSummary } from "@/api/shapes";
import { differenceOf, MEASURES, type Measure, VERSIONS_MAX, versionsOf } from "./versions";

function summary(more: Partial<FiguresSummary> = {}, ended = 100): FiguresSummary {
  const window = { from: "", to: "", covered: { from: "", to: "", grain: "minute" as const } };
  const figures = {
    ...{
      runs: ended,
      inFlight: 0,
      successRate: 0.9,
      steps: 1000,
      stepsPerRun: 10,
      stepErrors: 10,
      stepErrorRate: 0.01,
    },
    ...{ stepDurationMs: { avg: 5 }, inputTokens: 1000, outputTokens: 0, costUsd: 1, window },
    durationMs: { avg: 100, p50: 100, p95: 200, p99: 300 },
    runsByStatus: { PENDING: 0, RUNNING: 0, SUCCESS: ended, FAILED: 0, CANCELLED: 0 },
  };
  return { ...figures, previous: figures, agents: [], agentsLeftOut: 0, ...more };
}

function measure(key: string): Measure {
  const found = MEASURES.find((one) => one.key === key);
  if (!found) throw new Error(key);
  return found;
}

describe("differences", () => {
  test("of shares are in points, and more success is better", () => {
    const now = summary({ successRate: 0.931 });
    expect(differenceOf(measure("success"), now, summary())).toEqual({
      text: "+3.1 points",
      news: "better",
      isFew: false,
    });
    expect(differenceOf(measure("success"), summary(), now)).toMatchObject({ text: "−3.1 points", news: "worse" });
  });

  test("of durations and costs are changes, and less is better", () => {
    const slower = summary({ durationMs: { avg: 1, p50: 150, p95: 200, p99: 300 }, costUsd: 0.5 });
    expect(differenceOf(measure("p50"), slower, summary())).toMatchObject({ text: "+50 %", news: "worse" });
    expect(differenceOf(measure("cost"), slower, summary())).toMatchObject({ text: "−50 %", news: "better" });
    expect(differenceOf(measure("p95"), slower, summary())).toEqual({ text: "±0 %", isFew: false });
  });

  test("more or fewer steps are neither", () => {
    expect(differenceOf(measure("steps"), summary({ stepsPerRun: 20 }), summary())?.news).toBeUndefined();
  });

  test("a few runs tell nothing", () => {
    const few = summary({ successRate: 0.2 }, 5);
    expect(differenceOf(measure("success"), few, summary())).toEqual({ text: "−70.0 points", isFew: true });
  });

  test("there is none to nothing", () => {
    expect(differenceOf(measure("success"), summary(), summary({ successRate: null }))).toBeUndefined();
    expect(differenceOf(measure("cost"), summary(), summary({ costUsd: 0 }))).toBeUndefined();
  });

  test("percentiles lead to all runs that took as long, though roll-ups may be one percent above them", () => {
    const timedOut = summary({ durationMs: { avg: 1, p50: 120_182, p95: 120_182, p99: 120_182 } });
    for (const key of ["p50", "p95", "p99"]) {
      expect(measure(key).runs(timedOut).minDurationMs).toBeLessThanOrEqual(120_000);
    }
  });
});

test("of many versions the latest that ran are shown, and the others counted", () => {
  const known = Array.from({ length: 12 }, (_, index) => ({
    id: index,
    name: "a",
    version: `v${index}`,
    createdAt: "",
  }));
  const ran = known.slice(0, 10).map((agent) => ({ ...summary(), ...agent, durationMs: { avg: 1 } }));
  const found = versionsOf("a", [...known, { id: 99, name: "other", version: "1", createdAt: "" }], ran);
  expect(found.shown.map(({ id }) => id)).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
  expect([found.leftOut, found.shown.length]).toEqual([2, VERSIONS_MAX]);
  expect(found.idle.map(({ version }) => version)).toEqual(["v11", "v10"]);
});
