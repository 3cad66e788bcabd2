import { describe, expect, it } from "vitest";
import { readError, stackLines } from "./errors";

const PYTHON = [
  "Traceback (most recent call last):",
  '  File "/app/.venv/lib/python3.12/site-packages/langgraph/main.py", line 9, in step',
  "    run()",
  '  File "agent/tools.py", line 31, in call',
  "    raise PolicyError(message)",
  "PolicyError: no",
].join("\n");

describe("readError", () => {
  it("reads the shape that OTLP makes, and keeps what is left", () => {
    expect(readError({ type: "E", message: "no", stack: PYTHON, attributes: { a: 1 }, cause: null })).toEqual({
      type: "E",
      message: "no",
      stack: PYTHON,
      rest: { attributes: { a: 1 } },
    });
  });

  it("reads other names, lists of lines, and what APIs answer", () => {
    expect(readError({ error: { code: "busy", message: "later" } })).toMatchObject({ type: "busy", message: "later" });
    expect(readError({ name: "E", stacktrace: ["a", "b"] })).toMatchObject({ type: "E", stack: "a\nb" });
  });

  it("reads texts, with and without a stack trace", () => {
    expect(readError("it broke")).toMatchObject({ message: "it broke", stack: undefined });
    expect(readError(PYTHON)).toMatchObject({ message: "PolicyError: no", stack: PYTHON });
    expect(readError("TypeError: x\n    at f (a.js:1:2)")).toMatchObject({ message: "TypeError: x" });
  });

  it("leaves anything else as it is", () => {
    for (const error of [42, ["a"], true, { $truncated: true, bytes: 2, head: "{" }]) {
      expect(readError(error)).toEqual({ type: undefined, message: undefined, stack: undefined, rest: error });
    }
    expect(readError({ a: 1 })).toMatchObject({ message: undefined, rest: { a: 1 } });
  });
});

it("tells the frames of libraries from one's own", () => {
  expect(stackLines(PYTHON)?.map((line) => line.isForeign)).toEqual([false, true, true, false, false, false]);
  const node =
    "Error: x\n    at own (/app/a.js:1:2)\n    at f (/app/node_modules/b/c.js:3:4)\n    at node:internal/x:5";
  expect(stackLines(node)?.map((line) => line.isForeign)).toEqual([false, false, true, true]);
  expect(stackLines("\n".repeat(5_000))).toBeUndefined();
});
