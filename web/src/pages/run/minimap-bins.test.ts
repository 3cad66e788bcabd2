import { expect, test } from "vitest";
import { minimapBins } from "./minimap-bins";
import { manySteps, ORIGIN, step } from "./test-steps";
import { buildTree } from "./tree";

const whole = { start: ORIGIN, end: ORIGIN + 100 };

test("each step has a lane while there are enough, and columns for its time", () => {
  const tree = buildTree([
    step({ id: "a", start: 0, end: 100 }),
    step({ id: "b", start: 50, end: 75, status: "FAILED" }),
    step({ id: "timeless" }),
  ]);
  const bins = minimapBins(tree, whole, whole.end, 10, 4);
  expect(bins.lanes).toBe(3);
  expect([...bins.counts]).toEqual([1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0]);
  expect([...bins.failures].lastIndexOf(1)).toBe(6);
});

test("steps without length, at the very end, or beyond it are in a column, too", () => {
  const tree = buildTree([step({ id: "a", start: 100, end: 100 }), step({ id: "b", start: 120, end: 130 })]);
  expect([...minimapBins(tree, whole, whole.end, 1, 4).counts]).toEqual([0, 0, 0, 2]);
});

test("50,000 steps share the lanes", () => {
  const tree = buildTree(manySteps(50_000));
  const bins = minimapBins(tree, { start: ORIGIN, end: ORIGIN + 500_000 }, ORIGIN, 44, 1200);
  expect(bins.counts).toHaveLength(44 * 1200);
  expect(bins.counts[0]).toBeGreaterThan(1);
  expect(bins.counts[43 * 1200]).toBe(0);
  expect(bins.counts[44 * 1200 - 1]).toBeGreaterThan(1);
});

test("nothing is nothing", () => {
  expect([...minimapBins(buildTree([]), whole, whole.end, 44, 2).counts]).toEqual([0, 0]);
});
