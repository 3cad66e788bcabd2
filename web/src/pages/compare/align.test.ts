import { expect, test } from "vitest";
import { alignSteps, type Row } from "./align";
import type { ComparedStep } from "./compared-step";

let clock = 0;

function step(id: string, toolName: string, rest: Partial<ComparedStep> = {}): ComparedStep {
  clock += 10;
  return {
    id,
    parentId: null,
    index: clock,
    toolName,
    name: toolName,
    kind: "TOOL",
    model: null,
    status: "SUCCESS",
    startedAt: null,
    durationMs: 100,
    inputTokens: null,
    outputTokens: null,
    costUsd: null,
    startMs: clock,
    endMs: clock + 100,
    ...rest,
  };
}

function short(rows: Row[]): string[] {
  const signs = { same: "=", changed: "~", onlyA: "-", onlyB: "+" };
  return rows.map((row) => `${"  ".repeat(row.depth)}${signs[row.state]}${row.a?.id ?? ""}|${row.b?.id ?? ""}`);
}

test("a step more in one run moves nothing else", () => {
  const a = [step("a1", "chat"), step("a2", "search"), step("a3", "chat")];
  const b = [step("b1", "chat"), step("b2", "search"), step("b3", "search"), step("b4", "chat")];
  expect(short(alignSteps(a, b))).toEqual(["=a1|b1", "=a2|b2", "+|b3", "=a3|b4"]);
  expect(short(alignSteps(b, a))).toEqual(["=b1|a1", "=b2|a2", "-b3|", "=b4|a3"]);
});

test("what stands below steps that belong together is aligned as well; what is below one alone is alone", () => {
  const a = [
    step("p", "plan"),
    step("x", "search", { parentId: "p" }),
    step("gone", "plan2"),
    step("y", "chat", { parentId: "gone" }),
  ];
  const b = [step("P", "plan"), step("X", "search", { parentId: "P" }), step("Z", "chat", { parentId: "P" })];
  expect(short(alignSteps(a, b))).toEqual(["=p|P", "  =x|X", "  +|Z", "-gone|", "  -y|"]);
});

test("of calls of one tool those with the same input belong together", () => {
  const a = [step("a1", "search", { input: "1" }), step("a2", "search", { input: "2" })];
  const b = [
    step("b0", "search", { input: "0" }),
    step("b1", "search", { input: "1" }),
    step("b2", "search", { input: "2" }),
  ];
  expect(short(alignSteps(a, b))).toEqual(["+|b0", "=a1|b1", "=a2|b2"]);
});

test("a call with nearly the same input is nearer than any other of its tool", () => {
  const a = [step("a1", "search", { input: '{"limit":5,"q":"weather Lisbon"}' })];
  const b = [
    step("b1", "search", { input: '{"limit":9,"q":"museums"}' }),
    step("b2", "search", { input: '{"limit":7,"q":"weather Lisbon"}' }),
  ];
  expect(short(alignSteps(a, b))).toEqual(["+|b1", "~a1|b2"]);
});

test("says in what steps differ", () => {
  const a = step("a", "chat", { model: "small", input: "1", output: "1", error: "null" });
  const b = step("b", "chat", {
    model: "large",
    input: "1",
    output: "2",
    error: "null",
    status: "FAILED",
    durationMs: 900,
  });
  expect(alignSteps([a], [b])[0]?.changes).toEqual(["status", "model", "output", "duration"]);
  expect(alignSteps([a], [{ ...a, id: "b", durationMs: 240 }])[0]?.state).toBe("same");
});

test("parents that are missing or in a circle lose no step", () => {
  const odd = [
    step("1", "t", { parentId: "2" }),
    step("2", "t", { parentId: "1" }),
    step("3", "t", { parentId: "nobody" }),
  ];
  expect(alignSteps(odd, [])).toHaveLength(3);
  expect(alignSteps([], odd)).toHaveLength(3);
});

test("5,000 against 5,000 steps, flat or deep, is quick", () => {
  const tools = ["chat", "search", "fetch", "write"];
  const flat = (run: string, by: number) =>
    Array.from({ length: 5000 }, (_, at) => step(`${run}${at}`, tools[(at * by + (at >> 3)) % 4] ?? ""));
  const deep = (run: string) =>
    Array.from({ length: 5000 }, (_, at) => step(`${run}${at}`, "t", { parentId: at > 0 ? `${run}${at - 1}` : null }));
  const began = performance.now();
  expect(alignSteps(flat("a", 1), flat("b", 3)).length).toBeGreaterThanOrEqual(5000);
  expect(alignSteps(deep("a"), deep("b"))).toHaveLength(5000);
  expect(performance.now() - began).toBeLessThan(2000);
});
