import { expect, test } from "vitest";
import type { RunSummary } from "@/api/shapes";
import { saidIn } from "./said";
import { marksOf, totalsOf, withRuns } from "./totals";

const RUN: RunSummary = {
  ...{
    id: "1",
    agentId: 1,
    agentName: "a",
    agentVersion: "1",
    userId: null,
    sessionId: "s",
    name: null,
    status: "SUCCESS",
  },
  ...{
    startedAt: "2026-03-01T12:00:00Z",
    finishedAt: "2026-03-01T12:00:10Z",
    durationMs: 10_000,
    stepCount: 2,
    errorCount: 1,
  },
  ...{ inputTokens: 5, outputTokens: 1, costUsd: 0.5, tags: null, lastEventAt: "2026-03-01T12:00:10Z", stale: false },
};

test("what was said is found in the usual shapes", () => {
  expect(saidIn("Hello", "user")).toEqual({ text: "Hello", hasMore: false });
  expect(saidIn({ question: "Where?", channel: "chat" }, "user")).toEqual({ text: "Where?", hasMore: true });
  expect(saidIn({ answer: "There." }, "assistant")).toEqual({ text: "There.", hasMore: false });
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: "Where?" }] },
  ];
  expect(saidIn({ messages }, "user")).toEqual({ text: "Where?", hasMore: true });
  expect(saidIn({ role: "assistant", content: "There." }, "assistant")).toEqual({ text: "There.", hasMore: false });
});

test("what is no talk is not made one", () => {
  for (const value of [null, undefined, 7, "", [1, 2], { rows: [1] }, { question: 7 }, { messages: [] }]) {
    expect(saidIn(value, "user")).toBeUndefined();
  }
});

test("sums, and a run that changed takes its place", () => {
  const later = { ...RUN, id: "2", status: "FAILED" as const, startedAt: "2026-03-01T13:00:00Z", durationMs: null };
  expect(totalsOf([later, RUN])).toMatchObject({
    runs: 2,
    failed: 1,
    durationMs: 10_000,
    costUsd: 1,
    steps: 4,
    sessions: 1,
  });
  expect(withRuns([RUN], [later]).map(({ id }) => id)).toEqual(["2", "1"]);
  expect(withRuns([later, RUN], [{ ...RUN, status: "RUNNING" }]).map(({ status }) => status)).toEqual([
    "FAILED",
    "RUNNING",
  ]);
});

test("runs stand on the strip where they were", () => {
  const later = { ...RUN, id: "2", startedAt: "2026-03-01T12:00:30Z", finishedAt: "2026-03-01T12:00:40Z" };
  expect(marksOf([RUN, later], 0).map(({ left, width }) => [left, width])).toEqual([
    [0, 0.25],
    [0.75, 0.25],
  ]);
  const open = { ...later, finishedAt: null, status: "RUNNING" as const };
  expect(marksOf([RUN, open], Date.parse("2026-03-01T12:01:00Z"))[1]).toMatchObject({ left: 0.5, width: 0.5 });
  expect(marksOf([{ ...RUN, finishedAt: RUN.startedAt }], 0)[0]).toMatchObject({ left: 0, width: 0 });
});
