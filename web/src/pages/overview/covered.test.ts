import { expect, test } from "vitest";
import { coveredHint } from "./covered";

const at = (hour: number, minute = 0) => new Date(2026, 2, 3, hour, minute).toISOString();

test("a short window says of which hours its figures are, a long one need not", () => {
  const covered = { from: at(14), to: at(16) };
  expect(coveredHint({ from: at(14, 30), to: at(15, 30), covered })).toBe("whole hours, 14:00 – 16:00");
  expect(coveredHint({ from: at(14, 1), to: at(16), covered })).toBeUndefined();
  expect(coveredHint(undefined)).toBeUndefined();
});
