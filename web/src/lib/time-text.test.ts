import { expect, test } from "vitest";
import { ago, exactUtc, localTime } from "./time-text";

const NOW = new Date(2026, 2, 1, 15, 0, 0).getTime();

test("a time is as short as its distance allows", () => {
  expect(localTime(new Date(2026, 2, 1, 14, 3, 21), NOW)).toBe("14:03:21");
  expect(localTime(new Date(2026, 1, 3, 14, 3, 21), NOW)).toBe("3 Feb, 14:03:21");
  expect(localTime(new Date(2024, 1, 3, 14, 3, 21), NOW)).toBe("3 Feb 2024, 14:03");
});

test("the exact time keeps its microseconds and is in UTC", () => {
  expect(exactUtc("2026-03-01T14:03:21.123456+02:00")).toBe("2026-03-01 12:03:21.123456 UTC");
  expect(exactUtc("2026-03-01T14:03:21Z")).toBe("2026-03-01 14:03:21.000 UTC");
  expect(exactUtc("soon")).toBe("soon");
});

test.each([
  [0, "just now"],
  [12, "12 s ago"],
  [200, "3 min ago"],
  [7300, "2 h ago"],
  [432_000, "5 d ago"],
  [-180, "in 3 min"],
])("%s seconds before now is %s", (seconds, text) => {
  expect(ago(NOW - seconds * 1000, NOW)).toBe(text);
});
