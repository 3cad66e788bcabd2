import { expect, test } from "vitest";
import { isEmpty, isWide, layerAt, lonePoints, type Series, stackOf, sums, type Value } from "./series";

const series = (key: string, values: Value[]): Series => ({ key, label: key, color: "red", values });

test("each series lies upon those before it, and a bucket that nobody knows is a gap", () => {
  const all = [series("a", [1, null, null]), series("b", [2, 3, null]), series("c", [null, 1, null])];
  expect(stackOf(all)).toEqual([
    [1, 0, null],
    [3, 3, null],
    [3, 4, null],
  ]);
  expect(sums(all)).toEqual([3, 4, null]);
});

test("a click finds the series at its height, and none above or below the bar", () => {
  const stack = stackOf([series("a", [2]), series("b", [0]), series("c", [3])]);
  expect([0, 1.9, 2, 4.9, 5, -0.1].map((height) => layerAt(stack, 0, height))).toEqual([
    0,
    0,
    2,
    2,
    undefined,
    undefined,
  ]);
});

test("nothing but zeros and gaps is nothing to draw", () => {
  expect(isEmpty({ starts: [], series: [] })).toBe(true);
  expect(isEmpty({ starts: [1, 2], series: [series("a", [0, null])] })).toBe(true);
  expect(isEmpty({ starts: [1, 2], series: [series("a", [0, null]), series("b", [0, 1])] })).toBe(false);
});

test("points with gaps at both sides need a dot", () => {
  expect(lonePoints([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(lonePoints([null, 5, undefined])).toEqual([1]);
});

test("one value that dwarfs the others asks for another axis", () => {
  expect(isWide([series("a", [10, 12, null, 9000]), series("b", [0, 20])])).toBe(true);
  expect(isWide([series("a", [10, 12, 200])])).toBe(false);
  expect(isWide([series("a", [1, 9000])])).toBe(false);
});
