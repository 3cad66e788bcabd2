import { expect, test } from "vitest";
import { epochMs, isSameStep, stepLabel } from "./steps";
import { step } from "./test-steps";

test("times keep the digits below a millisecond", () => {
  expect(epochMs("2026-03-01T12:00:00.123456+00:00")).toBeCloseTo(Date.parse("2026-03-01T12:00:00.123Z") + 0.456, 3);
  expect(epochMs("2026-03-01T12:00:00Z")).toBe(Date.parse("2026-03-01T12:00:00Z"));
  expect(epochMs("soon")).toBeNull();
});

test("a step is called what it says, or else what it is", () => {
  expect(stepLabel({ id: "1", name: "Look it up", toolName: "search", kind: "TOOL" })).toBe("Look it up");
  expect(stepLabel({ id: "1", name: null, toolName: null, kind: "LLM" })).toBe("llm");
  expect(stepLabel({ id: "1", name: "", toolName: null, kind: null })).toBe("1");
});

test("steps are the same if all of them is", () => {
  expect(isSameStep(step({ id: "a", start: 1 }), step({ id: "a", start: 1 }))).toBe(true);
  expect(isSameStep(step({ id: "a", start: 1 }), step({ id: "a", start: 1, end: 2 }))).toBe(false);
});
