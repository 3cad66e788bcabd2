import { describe, expect, test } from "vitest";
import { countWithin, failedSteps, findSteps, nextPlace, ordinalOf } from "./find";
import { step } from "./test-steps";
import { buildTree, NONE } from "./tree";

const tree = buildTree([
  step({ id: "a", toolName: "plan", kind: "CHAIN", start: 0, end: 9 }),
  step({ id: "b", toolName: "web_search", kind: "TOOL", status: "FAILED", start: 1, end: 2 }),
  step({ id: "c", toolName: "chat", kind: "LLM", model: "Atlas-Large-2", start: 3, end: 4 }),
  step({ id: "d", toolName: "Search_Logs", kind: "TOOL", status: "FAILED", start: 5, end: 6 }),
]);

describe("searching", () => {
  test("finds by tool, kind and model, in any case", () => {
    expect([...findSteps(tree, "search")]).toEqual([1, 3]);
    expect([...findSteps(tree, "llm")]).toEqual([2]);
    expect([...findSteps(tree, "atlas-large")]).toEqual([2]);
  });

  test("finds only what has all words", () => {
    expect([...findSteps(tree, " tool  web ")]).toEqual([1]);
    expect([...findSteps(tree, "tool chat")]).toEqual([]);
  });

  test("finds nothing without words", () => {
    expect([...findSteps(tree, "   ")]).toEqual([]);
  });
});

describe("going from one to the next", () => {
  const places = Int32Array.of(2, 5, 9);

  test("goes round and round", () => {
    expect([NONE, 2, 3, 9].map((from) => nextPlace(places, from, 1))).toEqual([2, 5, 5, 2]);
    expect([0, 2, 3, 9, 20].map((from) => nextPlace(places, from, -1))).toEqual([9, 9, 2, 5, 9]);
  });

  test("goes nowhere where there is nothing", () => {
    expect(nextPlace(new Int32Array(0), 3, 1)).toBe(NONE);
  });

  test("counts them", () => {
    expect([2, 5, 9, 0, 4, 10].map((place) => ordinalOf(places, place))).toEqual([1, 2, 3, 0, 0, 0]);
    expect(countWithin(places, 2, 9)).toBe(2);
    expect(countWithin(places, 2, 4)).toBe(0);
    expect([...failedSteps(tree)]).toEqual([1, 3]);
  });
});
