import { expect, test } from "vitest";
import { runIdIn } from "./run-id";
import { averageScores } from "./scores";

test("scores of one name are one, their average", () => {
  const scores = averageScores([
    { name: "quality", value: 1 },
    { name: "__proto__", value: 3 },
    { name: "quality", value: 0 },
  ]);
  expect([...scores]).toEqual([
    ["quality", 0.5],
    ["__proto__", 3],
  ]);
});

test("an id is found in an address as well", () => {
  const id = "00000000-0000-4000-8000-00000000aaaa";
  expect(runIdIn(` ${id.toUpperCase()} `)).toBe(id);
  expect(runIdIn(`http://host/runs/${id}?step=1`)).toBe(id);
  expect(runIdIn("0000-4000")).toBeUndefined();
});
