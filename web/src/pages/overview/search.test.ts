import { expect, test } from "vitest";
import { overviewSearchOf } from "./search";

test("the default stays out of the URL, and what makes no sense too", () => {
  expect(overviewSearchOf({ range: "24h", agentId: ["3", "x"] })).toEqual({ range: undefined, agentId: [3] });
  expect(overviewSearchOf({ range: "7d" }).range).toBe("7d");
  expect(overviewSearchOf({ from: "2026-03-02", to: "2026-03-01" }).from).toBeUndefined();
});
