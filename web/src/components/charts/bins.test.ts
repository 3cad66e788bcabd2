import { expect, test } from "vitest";
import { binsOf, placeOf, rowsOf } from "./bins";

const bucket = (step: number, count: number) => ({ fromMs: 1.02 ** step, toMs: 1.02 ** (step + 1), count });

test("bins keep every count, are of the same width, and are not too many", () => {
  const buckets = Array.from({ length: 500 }, (_, step) => bucket(step + 100, step % 7));
  const bins = binsOf(buckets, 50);
  expect(bins.length).toBeLessThanOrEqual(50);
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(buckets.reduce((sum, { count }) => sum + count, 0));
  const ratios = bins.map(({ fromMs, toMs }) => toMs / fromMs);
  expect(Math.max(...ratios) - Math.min(...ratios)).toBeLessThan(1e-9);
});

test("what the server left out is an empty bin, one bucket is a bin among empty ones, and none are none", () => {
  expect(binsOf([bucket(0, 3), bucket(2, 4)], 50).map(({ count }) => count)).toEqual([0, 0, 0, 3, 0, 4, 0, 0, 0]);
  expect(binsOf([bucket(9, 5)], 50).map(({ count }) => count)).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0]);
  expect(binsOf([], 50)).toEqual([]);
});

test("a bucket that begins at zero is the lowest bin", () => {
  const bins = binsOf([{ fromMs: 0, toMs: 1, count: 2 }, bucket(10, 1)], 50);
  expect(bins.find(({ count }) => count > 0)).toMatchObject({ count: 2 });
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(3);
});

test("places are logarithmic and stay on the axis", () => {
  const axis = { fromMs: 1, toMs: 100 };
  expect([1, 10, 100, 1000, 0.1].map((ms) => placeOf(ms, axis))).toEqual([0, 0.5, 1, 1, 0]);
});

test("texts that would cover one another go to further rows", () => {
  expect(rowsOf([0.1, 0.5, 0.55, 0.58], 0.1)).toEqual([0, 0, 1, 2]);
  expect(rowsOf([0.5, 0.1], 0.1)).toEqual([0, 0]);
});
