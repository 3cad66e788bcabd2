import { describe, expect, test } from "vitest";
import { criticalPath, lengthOf, segmentsInView, sharesOf } from "./critical-path";
import type { StepRow } from "./steps";
import { manySteps, ORIGIN, step } from "./test-steps";
import { buildTree } from "./tree";

function pathOf(steps: StepRow[], end: number): Record<string, [number, number][]> {
  const tree = buildTree(steps);
  const path = criticalPath(tree, { start: ORIGIN, end: ORIGIN + end }, ORIGIN + end);
  const found: Record<string, [number, number][]> = {};
  for (const [at, segments] of path.segments) {
    found[tree.steps[at]?.id ?? "?"] = segments.map((one) => [one.start - ORIGIN, one.end - ORIGIN]);
  }
  if (path.outside.length > 0) found.outside = path.outside.map((one) => [one.start - ORIGIN, one.end - ORIGIN]);
  return found;
}

describe("the critical path", () => {
  test("goes through steps that follow each other, and the gaps between them", () => {
    const steps = [step({ id: "a", start: 0, end: 40 }), step({ id: "b", start: 50, end: 90 })];
    expect(pathOf(steps, 100)).toEqual({
      a: [[0, 40]],
      b: [[50, 90]],
      outside: [
        [90, 100],
        [40, 50],
      ],
    });
  });

  test("takes of steps beside each other the one that ended last", () => {
    const steps = [
      step({ id: "all", start: 0, end: 100 }),
      step({ id: "short", parentId: "all", start: 10, end: 50 }),
      step({ id: "long", parentId: "all", start: 10, end: 95 }),
    ];
    expect(pathOf(steps, 100)).toEqual({
      all: [
        [95, 100],
        [0, 10],
      ],
      long: [[10, 95]],
    });
  });

  test("leaves out what was still going on when the next began", () => {
    const steps = [
      step({ id: "first", start: 0, end: 30 }),
      step({ id: "beside", start: 5, end: 60 }),
      step({ id: "last", start: 40, end: 100 }),
    ];
    expect(pathOf(steps, 100)).toEqual({ first: [[0, 30]], last: [[40, 100]], outside: [[30, 40]] });
  });

  test("bears with clocks that were rounded", () => {
    const steps = [step({ id: "a", start: 0, end: 50.001 }), step({ id: "b", start: 50, end: 100 })];
    expect(Object.keys(pathOf(steps, 100)).sort()).toEqual(["a", "b"]);
  });

  test("cuts off what goes beyond the step above", () => {
    const steps = [step({ id: "up", start: 0, end: 50 }), step({ id: "in", parentId: "up", start: 20, end: 80 })];
    expect(pathOf(steps, 50)).toEqual({ up: [[0, 20]], in: [[20, 50]] });
  });

  test("looks through steps without times", () => {
    const steps = [step({ id: "timeless" }), step({ id: "in", parentId: "timeless", start: 0, end: 100 })];
    expect(pathOf(steps, 100)).toEqual({ in: [[0, 100]] });
  });

  test("takes what runs as running to the end", () => {
    expect(pathOf([step({ id: "a", start: 30 })], 100)).toEqual({ a: [[30, 100]], outside: [[0, 30]] });
  });

  test("accounts for all of the time, also of 50,000 steps", () => {
    const tree = buildTree(manySteps(50_000));
    const whole = { start: ORIGIN, end: ORIGIN + 500_000 };
    const before = performance.now();
    const path = criticalPath(tree, whole, whole.end);
    expect(performance.now() - before).toBeLessThan(1000);
    let sum = lengthOf(path.outside);
    for (const segments of path.segments.values()) sum += lengthOf(segments);
    expect(sum).toBeCloseTo(500_000, 3);
    const shares = sharesOf(tree, path);
    expect(shares.reduce((all, one) => all + one.share, 0)).toBeCloseTo(1);
    expect(shares[0]?.label).toBe("search");
  });

  test("does not grow a stack with depth", () => {
    const chain = Array.from({ length: 20_000 }, (_, nth) =>
      step({ id: `s${nth}`, parentId: nth === 0 ? null : `s${nth - 1}`, start: 0, end: 100 }),
    );
    expect(Object.keys(pathOf(chain, 100))).toEqual(["s19999"]);
  });
});

test("what is drawn of many segments is no more than can be seen", () => {
  const segments = Array.from({ length: 50_000 }, (_, nth) => ({ start: 50_000 - nth, end: 50_000 - nth + 0.5 }));
  const drawn = segmentsInView(segments, { start: 0, end: 60_000 }, 100);
  expect(drawn).toEqual([{ start: 1, end: 50_000.5 }]);
  expect(segmentsInView(segments, { start: 10.4, end: 12.2 }, 100)).toHaveLength(3);
});
