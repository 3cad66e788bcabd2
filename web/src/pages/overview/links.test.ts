import { expect, test } from "vitest";
import { errorRuns, queryOf, runsBehind, spanWithin, windowAround } from "./links";

const FIXED = { from: "2026-03-01T10:00:00.000Z", to: "2026-03-01T12:00:00.000Z" };

test("links say the window in full, as other pages have other defaults", () => {
  expect(runsBehind({})).toEqual({ range: "24h", agentId: undefined });
  expect(runsBehind({ ...FIXED, agentId: [1] }, { status: ["FAILED"], agentId: [2] })).toEqual({
    ...FIXED,
    agentId: [2],
    status: ["FAILED"],
  });
});

test("a bucket at the edge of the window leads to what it holds, and one beside it nowhere", () => {
  const at = (time: string) => new Date(`2026-03-01T${time}Z`);
  expect(spanWithin(at("09:30:00"), at("10:30:00"), FIXED)).toEqual({ ...FIXED, to: "2026-03-01T10:30:00.000Z" });
  expect(spanWithin(at("08:00:00"), at("10:00:00"), FIXED)).toBeUndefined();
});

test.each([
  ["TimeoutError: no answer within <n> s", '"TimeoutError" "no answer within"'],
  ["<n>: the token <id> may not  read", '"the token" "may not read"'],
  ['key "<text>" is missing', '"key" "is missing"'],
  ["<n> <id>", undefined],
  ["", undefined],
])("a group of errors is searched for by what its messages share: %s", (message, query) => {
  expect(queryOf(message)).toBe(query);
});

test("errors of a tool are searched for in runs that use it", () => {
  const error = { message: "no route", subject: "step", toolName: "fetch" };
  expect(errorRuns({}, error)).toMatchObject({ hasError: true, tool: ["fetch"], q: '"no route"' });
  expect(errorRuns({}, { ...error, subject: "run" }).tool).toBeUndefined();
});

test("the day around a moment holds it", () => {
  const { from, to } = windowAround("2026-03-01T10:00:00Z");
  expect(from < "2026-03-01T10:00:00Z" && "2026-03-01T10:00:00Z" < to).toBe(true);
});
