import { expect, test } from "vitest";
import type { RunSummary } from "@/api/shapes";
import { canFallOut, insertRuns, type RunPage, rowsOf, stillPasses, takeIn, withNews } from "./run-list";

function run(id: string, minute: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    id,
    agentId: 1,
    agentName: "a",
    agentVersion: "1",
    userId: null,
    sessionId: null,
    name: null,
    status: "RUNNING",
    startedAt: `2026-01-01T00:${String(minute).padStart(2, "0")}:00+00:00`,
    finishedAt: null,
    durationMs: null,
    stepCount: 1,
    errorCount: 0,
    inputTokens: 0,
    outputTokens: 0,
    costUsd: 0,
    tags: null,
    lastEventAt: "2026-01-01T00:00:00+00:00",
    stale: false,
    ...more,
  };
}

const PAGES: RunPage[] = [
  { items: [run("d", 40), run("c", 30)], nextCursor: "more" },
  { items: [run("b", 20), run("a", 10)], nextCursor: "even more" },
];

function ids(pages: readonly RunPage[]): string[][] {
  return pages.map((page) => page.items.map((one) => one.id));
}

test("a row that is shown changes in place, and only its page is another", () => {
  const { pages, changed, fresh } = takeIn(PAGES, [run("b", 20, { status: "SUCCESS" })], "time");
  expect(rowsOf(pages).map((one) => one.status)).toEqual(["RUNNING", "RUNNING", "SUCCESS", "RUNNING"]);
  expect([changed, fresh]).toEqual([["b"], []]);
  expect(pages[0]).toBe(PAGES[0]);
});

test("a run that was told of again without a change is no change", () => {
  expect(takeIn(PAGES, [run("b", 20)], "time")).toEqual({ pages: PAGES, changed: [], fresh: [] });
});

test("what belongs below the last row comes when it is loaded, unless everything is", () => {
  const told = [run("new", 50), run("between", 25), run("old", 5)];
  expect(takeIn(PAGES, told, "time").fresh.map((one) => one.id)).toEqual(["new", "between"]);
  const whole = PAGES.map((page, number) => (number === 1 ? { ...page, nextCursor: null } : page));
  expect(takeIn(whole, told, "time").fresh).toHaveLength(3);
  expect(takeIn(PAGES, told, "cost").fresh).toHaveLength(3);
});

test("new runs go where the server would have them, and twice is once", () => {
  const told = [run("new", 50), run("between", 25), run("low", 15), run("c", 30), run("older", 5)];
  expect(ids(insertRuns(PAGES, told))).toEqual([
    ["new", "d"],
    ["c", "between", "b", "low", "a", "older"],
  ]);
  expect(ids(insertRuns([{ items: [], nextCursor: null }], told.slice(0, 2)))).toEqual([["new", "between"]]);
});

test("runs of the same moment stand by their id, the largest first; below a millisecond counts", () => {
  const page: RunPage = { items: [], nextCursor: null };
  const exact = run("z", 1, { startedAt: "2026-01-01T00:01:00.000001+00:00" });
  const later = run("y", 1, { startedAt: "2026-01-01T00:01:00.000002+00:00" });
  expect(ids(insertRuns([page], [run("1", 1), run("2", 1), exact, later]))).toEqual([["y", "z", "2", "1"]]);
});

test("a run on two pages stands once", () => {
  expect(rowsOf([...PAGES, { items: [run("a", 10)], nextCursor: null }])).toHaveLength(4);
});

test.each([
  [{ status: ["RUNNING" as const] }, { status: "SUCCESS" as const }, false],
  [{ status: ["RUNNING" as const, "SUCCESS" as const] }, { status: "SUCCESS" as const }, true],
  [{ maxDurationMs: 1000 }, { durationMs: 1001 }, false],
  [{ maxCostUsd: 1 }, { costUsd: 2 }, false],
  [{ hasError: false }, { errorCount: 1 }, false],
  [{ stale: true }, { stale: false }, false],
  [{ tool: ["search"] }, { status: "FAILED" as const }, true],
])("%o lets %o through: %s", (filters, more, passes) => {
  expect(stillPasses(run("a", 1, more), filters)).toBe(passes);
  if (!passes) expect(canFallOut(filters)).toBe(true);
});

test("nothing falls out of what only grows", () => {
  expect(canFallOut({ tool: ["search"], minCostUsd: 1, hasError: true, q: "word" })).toBe(false);
});

test("news are kept up to a bound, and what is beyond is said to be there", () => {
  const many = Array.from({ length: 250 }, (_, number) => run(`n${number}`, 1));
  const first = withNews(new Map(), many.slice(0, 150));
  expect([first.fresh.size, first.isFull]).toEqual([150, false]);
  const then = withNews(first.fresh, many.slice(100));
  expect([then.fresh.size, then.isFull]).toEqual([200, true]);
  const changed = withNews(then.fresh, [run("n0", 1, { status: "FAILED" })]);
  expect([changed.fresh.get("n0")?.status, changed.isFull]).toEqual(["FAILED", false]);
});
