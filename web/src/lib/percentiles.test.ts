import { expect, test } from "vitest";
import { leastOf } from "./percentiles";

test("a percentile leads to all runs that took the same time, though it may be one percent above it", () => {
  expect(leastOf(120_182)).toBeLessThanOrEqual(120_000);
  expect(leastOf(null)).toBeUndefined();
});
