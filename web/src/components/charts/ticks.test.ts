import { expect, test } from "vitest";
import { logTicks, timeTicks, valueTicks } from "./ticks";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test.each([
  [17, 4, "number", [0, 5, 10, 15, 20]],
  [0.07, 4, "number", [0, 0.02, 0.04, 0.06, 0.08]],
  [0.3, 3, "number", [0, 0.1, 0.2, 0.3]],
  [2, 4, "count", [0, 1, 2]],
  [1_200_000, 3, "count", [0, 500_000, 1_000_000, 1_500_000]],
  [0, 4, "count", [0, 1]],
  [Number.NaN, 2, "number", [0, 0.5, 1]],
  [61 * SECOND, 4, "duration", [0, 30 * SECOND, 60 * SECOND, 90 * SECOND]],
  [850, 4, "duration", [0, 500, 1000]],
  [50 * MINUTE, 4, "duration", [0, 15 * MINUTE, 30 * MINUTE, 45 * MINUTE, 60 * MINUTE]],
  [100 * HOUR, 4, "duration", [0, 48 * HOUR, 96 * HOUR, 144 * HOUR]],
] as const)("%s in %s steps as %s", (max, count, unit, ticks) => {
  expect(valueTicks(max, count, unit)).toEqual(ticks);
});

test("a time axis has the round hours of the local clock", () => {
  const from = new Date(2026, 2, 3, 22, 17).getTime();
  const ticks = timeTicks(from, from + 6 * HOUR, 6).map((ms) => new Date(ms).getHours());
  expect(ticks).toEqual([23, 0, 1, 2, 3, 4]);
  expect(timeTicks(from, from + 6 * MINUTE, 6).map((ms) => new Date(ms).getMinutes())).toEqual([
    17, 18, 19, 20, 21, 22, 23,
  ]);
});

test("a time axis of days has local midnights, never more than asked for", () => {
  const from = new Date(2026, 2, 3, 5).getTime();
  for (const days of [3, 7, 30, 90, 400, 1800]) {
    const ticks = timeTicks(from, from + days * 24 * HOUR, 8);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThanOrEqual(9);
    expect(ticks.every((ms) => ms >= from && new Date(ms).getHours() % 12 === 0)).toBe(true);
  }
  expect(timeTicks(from, from + 30 * 24 * HOUR, 5).map((ms) => new Date(ms).getHours())).toEqual([0, 0, 0, 0, 0]);
});

test("a log axis has few marks over many powers, and more where it is short", () => {
  expect(logTicks(5, 2 * HOUR)).toEqual([10, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR]);
  expect(logTicks(80, 600)).toEqual([100, 200, 500]);
});

test("in the night when clocks go forward no mark comes twice", () => {
  const zone = process.env.TZ;
  process.env.TZ = "Europe/Berlin";
  try {
    const from = Date.UTC(2026, 2, 28, 23); // local midnight
    const ticks = timeTicks(from, from + 5 * HOUR, 10).map((ms) => (ms - from) / HOUR);
    expect(ticks).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]);
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});
