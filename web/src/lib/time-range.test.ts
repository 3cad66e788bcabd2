import { expect, test } from "vitest";
import { isMoving, rangeSearchOf, windowOf } from "./time-range";

const NOW = Date.parse("2026-03-01T12:00:30Z");

test("a moving window ends with the minute", () => {
  expect(windowOf({ range: "1h" }, NOW)).toEqual({ from: "2026-03-01T11:01:00.000Z", to: "2026-03-01T12:01:00.000Z" });
  expect(windowOf({}, NOW)).toEqual(windowOf({ range: "24h" }, NOW));
});

test("a fixed window stays, and wins over a name", () => {
  const search = rangeSearchOf({ range: "7d", from: "2026-01-01T00:00:00Z", to: "2026-01-02" });
  expect(search).toEqual({ from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z" });
  expect(isMoving(search)).toBe(false);
  expect(windowOf(search, NOW)).toEqual(search);
});

test("what is no window is none", () => {
  expect(rangeSearchOf({ from: "2026-01-02", to: "2026-01-01", range: "century" })).toEqual({});
  expect(rangeSearchOf({ from: "soon", to: "2026-01-01", range: "7d" })).toEqual({ range: "7d" });
});
