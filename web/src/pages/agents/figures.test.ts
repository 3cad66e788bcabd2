import { describe, expect, test } from "vitest";
import type { FiguresSummary } from "@/api/shapes";
import { agentRows, figuresOf, isAscending, sortRows } from "./figures";

type AgentFigures = FiguresSummary["agents"][number];

function figures(
  id: number | null,
  name: string | null,
  version: string,
  more: Partial<AgentFigures> = {},
): AgentFigures {
  return {
    ...{ id, name, version, runs: 10, inFlight: 0, successRate: 1, steps: 20, stepsPerRun: 2, stepErrors: 0 },
    ...{ stepErrorRate: 0, stepDurationMs: { avg: 1 }, durationMs: { avg: 100 } },
    ...{ inputTokens: 5, outputTokens: 5, costUsd: 1 },
    runsByStatus: { PENDING: 0, RUNNING: 0, SUCCESS: 10, FAILED: 0, CANCELLED: 0 },
    ...more,
  };
}

const FAILING = {
  runsByStatus: { PENDING: 0, RUNNING: 10, SUCCESS: 10, FAILED: 25, CANCELLED: 5 },
  runs: 50,
  inFlight: 10,
};
const KNOWN = [
  { id: 1, name: "desk", version: "1", createdAt: "" },
  { id: 2, name: "desk", version: "2", createdAt: "" },
  { id: 3, name: "asleep", version: "1", createdAt: "" },
];

describe("figures of several versions together", () => {
  test("shares are of the sums, not averages of shares", () => {
    const both = figuresOf([
      figures(1, "desk", "1"),
      figures(2, "desk", "2", { ...FAILING, steps: 180, stepErrors: 20 }),
    ]);
    expect(both).toMatchObject({
      runs: 60,
      failed: 25,
      inFlight: 10,
      success: 20 / 50,
      steps: 200 / 60,
      stepErrors: 0.1,
    });
    expect(both).toMatchObject({ tokens: 20, cost: 2 });
  });

  test("a duration counts by how many runs it is of, and one that is not known not at all", () => {
    const slow = figures(2, "desk", "2", { ...FAILING, durationMs: { avg: 600 } });
    expect(figuresOf([figures(1, "desk", "1"), slow]).duration).toBe((10 * 100 + 40 * 600) / 50);
    const unknown = figures(2, "desk", "2", { ...FAILING, durationMs: { avg: null } });
    expect(figuresOf([figures(1, "desk", "1"), unknown]).duration).toBe(100);
    expect(figuresOf([unknown]).duration).toBeNull();
  });
});

describe("rows", () => {
  test("versions are folded under their name, the latest first, those that did not run with them", () => {
    const rows = agentRows([figures(1, "desk", "1"), figures(null, null, "")], KNOWN);
    expect(rows.map(({ name }) => name)).toEqual(["desk", null, "asleep"]);
    expect(rows[0]?.versions.map(({ version, runs }) => [version, runs])).toEqual([
      ["2", 0],
      ["1", 10],
    ]);
    expect(rows[2]).toMatchObject({ runs: 0, success: null, duration: null });
  });

  test("whatever they are sorted by, those that did not run are last, and unknown figures after known ones", () => {
    const some = [
      figures(1, "b", "1", { runs: 5, steps: 0 }),
      figures(4, "a", "1"),
      figures(5, "c", "1", { durationMs: { avg: null } }),
    ];
    const rows = agentRows(some, KNOWN.slice(2));
    const names = (...sort: [Parameters<typeof sortRows>[1], boolean?]) =>
      sortRows(rows, ...sort).map(({ name }) => name);
    expect(names("runs")).toEqual(["a", "c", "b", "asleep"]);
    expect(names("runs", true)).toEqual(["b", "a", "c", "asleep"]);
    expect(names("name")).toEqual(["a", "b", "c", "asleep"]);
    expect(names("name", true)).toEqual(["c", "b", "a", "asleep"]);
    expect(names("duration", true).at(2)).toBe("c");
    expect(names("stepErrors").at(2)).toBe("b");
  });

  test("success is sorted from the worst", () => {
    expect([isAscending("success"), isAscending("success", true), isAscending("cost")]).toEqual([true, false, false]);
    const rows = agentRows([figures(1, "good", "1"), figures(2, "bad", "1", FAILING)], []);
    expect(sortRows(rows, "success")[0]?.name).toBe("bad");
  });
});
