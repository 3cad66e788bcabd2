import { expect, test } from "vitest";
import * as format from "./format";

test.each([
  [0, "0 ms"],
  [0.412, "0.41 ms"],
  [999.4, "999 ms"],
  [999.6, "1 s"],
  [3210, "3.21 s"],
  [59_940, "59.9 s"],
  [59_960, "1 min"],
  [245_000, "4 min 5 s"],
  [3_599_600, "1 h"],
  [7_800_000, "2 h 10 min"],
  [3 * 86_400_000 + 4 * 3_600_000, "3 d 4 h"],
  [-1500, "-1.5 s"],
  [null, "–"],
  [Number.NaN, "–"],
])("a duration of %s ms is %s", (ms, text) => {
  expect(format.formatDuration(ms)).toBe(text);
});

test.each([
  [0, "0"],
  [999, "999"],
  [1000, "1k"],
  [12_345, "12.3k"],
  [999_600, "1M"],
  [4_560_000, "4.56M"],
  [0.4, "0.4"],
])("%s in short is %s", (value, text) => {
  expect(format.formatShort(value)).toBe(text);
});

test.each([
  [0, "$0"],
  [0.0000042, "$0.0000042"],
  [0.0042, "$0.0042"],
  [0.01, "$0.01"],
  [1.234, "$1.23"],
  [12_345, "$12.3k"],
  [-2, "-$2.00"],
])("%s USD is %s", (usd, text) => {
  expect(format.formatCost(usd)).toBe(text);
});

test("a share is a percentage; a tiny one is not nothing, and nearly all is not all", () => {
  expect([0.9994, 0.99951, 0.99999].map(format.formatPercent)).toEqual(["99.9 %", "> 99.9 %", "> 99.9 %"]);
  expect([0, 1, 0.1234, 0.0001, null].map(format.formatPercent)).toEqual(["0 %", "100 %", "12.3 %", "< 0.1 %", "–"]);
});

test("bytes are in powers of 1024", () => {
  expect([0, 512, 1023, 1024, 1_258_291].map(format.formatBytes)).toEqual([
    "0 B",
    "512 B",
    "1023 B",
    "1 KiB",
    "1.2 MiB",
  ]);
});

test("a change needs something to compare with", () => {
  expect(format.changeOf(3, 2)).toBe(0.5);
  expect(format.changeOf(3, 0)).toBeUndefined();
  expect(format.changeOf(null, 2)).toBeUndefined();
  expect([0.5, -0.034, 0.0001, 31.2].map(format.formatChange)).toEqual(["+50 %", "−3.4 %", "±0 %", "×32.2"]);
});

test("shares change in points, from nothing too", () => {
  expect(format.shareChangeOf(0.02, 0)).toBe(0.02);
  expect(format.shareChangeOf(0.02, null)).toBeUndefined();
  expect([0.0004, 0.012, -0.5].map(format.formatPoints)).toEqual(["±0 points", "+1.2 points", "−50.0 points"]);
});

test("one is one and two are many", () => {
  expect([format.plural(1, "run"), format.plural(1200, "run")]).toEqual(["1 run", "1,200 runs"]);
});
