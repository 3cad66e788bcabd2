import { describe, expect, test } from "vitest";
import { barOf, extentOf, fitView, openEndOf, panView, spanOf, ticksOf, viewOf, zoomText, zoomView } from "./layout";
import { ORIGIN, step } from "./test-steps";

function run(finishedMs: number | null, stale = false) {
  const at = (ms: number) => new Date(ORIGIN + ms).toISOString();
  return {
    startedAt: at(0),
    finishedAt: finishedMs === null ? null : at(finishedMs),
    lastEventAt: at(900),
    status: finishedMs === null ? ("RUNNING" as const) : ("SUCCESS" as const),
    stale,
  };
}
const whole = { start: ORIGIN, end: ORIGIN + 1000 };

describe("the extent", () => {
  test("takes in steps before and after the run", () => {
    const steps = [step({ id: "a", start: -50, end: 10 }), step({ id: "b", start: 900, end: 1200 }), step({ id: "c" })];
    expect(extentOf(run(1000), steps, 0)).toEqual({ start: ORIGIN - 50, end: ORIGIN + 1200 });
  });

  test("goes on to now while the run does, and to its last sign of life when it is stale", () => {
    const now = ORIGIN + 5000;
    expect(extentOf(run(null), [], openEndOf(run(null), now)).end).toBe(now);
    expect(openEndOf(run(null, true), now)).toBe(ORIGIN + 900);
    expect(openEndOf(run(1000), now)).toBe(ORIGIN + 1000);
  });

  test("is never empty", () => {
    expect(extentOf(run(0), [], ORIGIN).end).toBeGreaterThan(ORIGIN);
  });
});

describe("bars", () => {
  test("stand where their times are", () => {
    expect(barOf({ start: ORIGIN + 250, end: ORIGIN + 750 }, whole)).toEqual({ left: 0.25, width: 0.5 });
  });

  test("end at the edges of the view, and are not drawn beyond them", () => {
    const view = { start: ORIGIN + 500, end: ORIGIN + 600 };
    expect(barOf({ start: ORIGIN, end: ORIGIN + 550 }, view)).toEqual({ left: 0, width: 0.5 });
    expect(barOf({ start: ORIGIN, end: ORIGIN + 100 }, view)).toBeNull();
  });

  test("of running steps go on, and steps without times have none", () => {
    expect(spanOf(step({ id: "a", start: 10 }), ORIGIN + 99)).toEqual({ start: ORIGIN + 10, end: ORIGIN + 99 });
    expect(spanOf(step({ id: "a" }), ORIGIN + 99)).toBeNull();
    expect(spanOf(step({ id: "a", start: 10, status: "FAILED" }), ORIGIN + 99)?.end).toBe(ORIGIN + 10);
  });
});

describe("ticks", () => {
  test("are at round times after the start", () => {
    expect(ticksOf(whole, ORIGIN, 5).map((tick) => tick - ORIGIN)).toEqual([0, 200, 400, 600, 800, 1000]);
    const hours = ticksOf({ start: ORIGIN, end: ORIGIN + 9_000_000 }, ORIGIN, 6);
    expect(hours.map((tick) => (tick - ORIGIN) / 60_000)).toEqual([0, 30, 60, 90, 120, 150]);
  });

  test("stay few for any span", () => {
    for (const length of [0.01, 0.3, 7, 999, 5001, 61_000, 86_400_000 * 40]) {
      const ticks = ticksOf({ start: ORIGIN, end: ORIGIN + length }, ORIGIN, 8);
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(9);
    }
  });
});

describe("the view", () => {
  test("zooms around a moment, which stays where it is", () => {
    const view = zoomView(whole, whole, 0.5, 0.25);
    expect(view).toEqual({ start: ORIGIN + 125, end: ORIGIN + 625 });
    expect((ORIGIN + 250 - view.start) / (view.end - view.start)).toBe(0.25);
  });

  test("never leaves the whole", () => {
    expect(panView({ start: ORIGIN + 800, end: ORIGIN + 900 }, whole, 5)).toEqual({
      start: ORIGIN + 900,
      end: ORIGIN + 1000,
    });
    expect(zoomView({ start: ORIGIN, end: ORIGIN + 500 }, whole, 100, 0.5)).toEqual(whole);
    expect(fitView({ start: ORIGIN - 50, end: ORIGIN - 40 }, whole)).toEqual({ start: ORIGIN, end: ORIGIN + 10 });
  });

  test("goes to the URL and comes back", () => {
    const view = { start: ORIGIN + 100, end: ORIGIN + 350.5 };
    expect(zoomText(view, whole, ORIGIN)).toBe("100..350.5");
    expect(viewOf("100..350.5", whole, ORIGIN)).toEqual(view);
    expect(zoomText(whole, whole, ORIGIN)).toBeUndefined();
  });

  test("is the whole where the URL makes no sense", () => {
    for (const text of [undefined, "", "5", "9..2", "a..b", "..", "1..Infinity"]) {
      expect(viewOf(text, whole, ORIGIN)).toBe(whole);
    }
  });
});
