import { expect, test } from "vitest";
import type { Row } from "./align";
import { countRows, nextDifference, shownRows } from "./row-list";

const ROWS: Row[] = (
  [
    ["plan", 0, "same"],
    ["chat", 1, "same"],
    ["search", 1, "changed"],
    ["inner", 2, "same"],
    ["write", 0, "same"],
    ["agent", 0, "same"],
    ["deep", 1, "same"],
    ["tool", 2, "onlyB"],
    ["end", 1, "same"],
  ] as const
).map(([key, depth, state]) => ({ key, depth, state, changes: [] }));

test("differences stand with what they are in, and nothing else", () => {
  expect(shownRows(ROWS, "differences").map((row) => row.key)).toEqual(["plan", "search", "agent", "deep", "tool"]);
  expect(shownRows(ROWS, undefined)).toHaveLength(9);
  expect(shownRows([], "differences")).toEqual([]);
});

test("from one difference to the next and back", () => {
  expect(nextDifference(ROWS, -1, 1)).toBe(2);
  expect(nextDifference(ROWS, 2, 1)).toBe(7);
  expect(nextDifference(ROWS, 7, 1)).toBeUndefined();
  expect(nextDifference(ROWS, 7, -1)).toBe(2);
  expect(nextDifference(ROWS, ROWS.length, -1)).toBe(7);
});

test("counts", () => {
  expect(countRows(ROWS)).toEqual({ same: 7, changed: 1, onlyA: 0, onlyB: 1 });
});
