import { expect, test } from "vitest";
import type { Row } from "./align";
import { summarise } from "./summary";

const RUN = { status: "SUCCESS", durationMs: 4000, costUsd: 0.01, inputTokens: 100, outputTokens: 20 } as const;

function row(state: Row["state"], tool: string, status: "SUCCESS" | "FAILED" = "SUCCESS"): Row {
  const step = {
    ...{
      id: "1",
      parentId: null,
      index: 0,
      toolName: tool,
      name: tool,
      kind: null,
      model: null,
      status,
      startedAt: null,
    },
    ...{ durationMs: 1, inputTokens: null, outputTokens: null, costUsd: null, startMs: null, endMs: null },
  };
  const good = { ...step, status: "SUCCESS" as const };
  return {
    key: tool,
    depth: 0,
    a: state === "onlyB" ? undefined : good,
    b: state === "onlyA" ? undefined : step,
    state,
    changes: [],
  };
}

test("says what B took more, and which calls", () => {
  const b = { ...RUN, durationMs: 5200, costUsd: 0.012, inputTokens: 140 };
  const rows = [
    row("same", "chat"),
    row("onlyB", "web_search"),
    row("onlyB", "web_search"),
    row("onlyA", "chat"),
    row("changed", "plan"),
  ];
  expect(summarise(RUN, b, rows)).toEqual([
    "Both succeeded.",
    "B took 1.2 s longer (+30 %).",
    "B cost $0.0020 more (+20 %), with 40 more tokens.",
    "B made 2 more calls of web_search and 1 fewer of chat.",
    "1 step that both have differs.",
  ]);
});

test("says where one failed and the other did not", () => {
  const b = { ...RUN, status: "FAILED", durationMs: null } as const;
  expect(summarise(RUN, b, [row("changed", "pay", "FAILED")])).toEqual([
    "A succeeded, B failed.",
    "B has a failed step, pay, which did not fail in A.",
    "Both took the same path of 1 step.",
    "1 step that both have differs.",
  ]);
  expect(summarise(RUN, b, [row("onlyB", "pay", "FAILED")])[1]).toBe(
    "B has a failed step, pay, which A does not have.",
  );
});

test("the same run twice", () => {
  expect(summarise(RUN, RUN, [row("same", "chat")])).toEqual([
    "Both succeeded.",
    "Both took about as long.",
    "Both took the same path of 1 step.",
  ]);
  expect(summarise(RUN, RUN, undefined)).toEqual(["Both succeeded.", "Both took about as long."]);
  expect(summarise(RUN, RUN, [row("onlyA", "chat"), row("same", "plan"), row("onlyB", "chat")])[2]).toBe(
    "Both made the same calls, in another order.",
  );
});
