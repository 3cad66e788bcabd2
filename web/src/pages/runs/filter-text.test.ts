import { expect, test } from "vitest";
import { durationMsOf, durationText, filterPiecesOf, parseFilters, withFilters, writeFilters } from "./filter-text";
import type { RunFilters } from "./search";

function filtersIn(text: string): RunFilters {
  return JSON.parse(JSON.stringify(parseFilters(text).filters));
}

test.each([
  ["status:failed STATUS:Running", { status: ["FAILED", "RUNNING"] }],
  ["agent:support-bot version:2.1.0", { agentName: "support-bot", agentVersion: "2.1.0" }],
  ["agent:#5 agent:#6", { agentId: [5, 6] }],
  ['agent:"#5"', { agentName: "#5" }],
  ['tool:search tool:"send mail"', { tool: ["search", "send mail"] }],
  ["tag:env=prod metric:score>0.5", { tag: ["env=prod"], metric: ["score>0.5"] }],
  ["duration>5s duration<=2m", { minDurationMs: 5000, maxDurationMs: 120_000 }],
  ["cost>$0.05 cost<1", { minCostUsd: 0.05, maxCostUsd: 1 }],
  ["error:yes stale:no user:12", { hasError: true, stale: false, userId: 12 }],
  ['refund "a phrase" or -parcel', { q: 'refund "a phrase" or -parcel' }],
  ["refund status:failed parcel", { status: ["FAILED"], q: "refund parcel" }],
  ["https://example.com/a:b note:x", { q: "https://example.com/a:b note:x" }],
  ['session:"half open', { sessionId: "half open" }],
  ["   ", {}],
])("%s", (text, filters) => {
  expect(parseFilters(text).problems).toEqual([]);
  expect(filtersIn(text)).toEqual(filters);
});

test.each([
  ["status:broken", "There is no status “broken”; there are running, pending, success, failed, cancelled."],
  ["duration>soon", "“soon” is no duration: write 500ms, 5s, 2m or 1h."],
  ["duration:5s", "Write duration>5s or duration<5s."],
  ["cost>1e5", "“1e5” is no cost: write 0.05."],
  ["user:ann", "A user is a number, not “ann”."],
  ["error:perhaps", "Write error:yes or error:no."],
  ["tool:", "“tool:” needs a value."],
  ["tool>3", "Write tool:3, with a colon."],
])("%s is refused", (text, problem) => {
  expect(parseFilters(text)).toEqual({ filters: {}, problems: [problem] });
});

test("what is written out is read back, whatever agents call themselves", () => {
  const hostile = `<img src=x onerror="alert(1)"> \\ '\`\${7*7} status:failed`;
  const all: RunFilters = {
    status: ["FAILED"],
    agentId: [5],
    agentVersion: "",
    tool: [hostile, "plain"],
    model: ["a\\"],
    tag: ['"', "key=va lue"],
    metric: ["score<=0.5"],
    sessionId: hostile,
    userId: 7,
    minDurationMs: 1234,
    maxDurationMs: 0.5,
    minCostUsd: 0.0000001,
    maxCostUsd: 12,
    hasError: false,
    stale: true,
    q: '"a phrase" -word',
  };
  const { agentVersion: _, ...expected } = all;
  expect(filtersIn(writeFilters({ ...all, agentVersion: undefined }))).toEqual(expected);
  expect(filtersIn(writeFilters({ agentName: hostile }))).toEqual({ agentName: hostile });
});

test("each piece knows what is left without it", () => {
  const pieces = filterPiecesOf({ tool: ["a", "b"], q: "word" });
  expect(pieces.map((piece) => piece.text)).toEqual(["tool:a", "tool:b", "word"]);
  expect(pieces[0]?.rest).toEqual({ tool: ["b"], q: "word" });
  expect(pieces[2]?.rest).toEqual({ tool: ["a", "b"] });
});

test("filters add up, an agent's name takes the place of its numbers, words follow words", () => {
  expect(withFilters({ status: ["FAILED"] }, { status: ["FAILED", "RUNNING"] }).status).toEqual(["FAILED", "RUNNING"]);
  expect(withFilters({ agentId: [1] }, { agentName: "a" })).toMatchObject({ agentId: undefined, agentName: "a" });
  expect(withFilters({ agentName: "a" }, { agentId: [1] })).toMatchObject({ agentId: [1], agentName: undefined });
  expect(withFilters({ q: "refund" }, { q: "parcel" }).q).toBe("refund parcel");
  expect(withFilters({ sessionId: "a" }, { sessionId: "b" }).sessionId).toBe("b");
});

test.each([
  ["500ms", 500],
  ["5", 5000],
  ["1.1s", 1100],
  ["2min", 120_000],
  ["1h", 3_600_000],
  [".5s", 500],
])("%s is %d ms", (text, ms) => {
  expect(durationMsOf(text)).toBe(ms);
  expect(durationMsOf(durationText(ms))).toBe(ms);
});
