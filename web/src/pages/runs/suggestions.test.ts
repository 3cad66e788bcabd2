import { expect, test } from "vitest";
import type { Agent } from "@/api/shapes";
import { parseFilters } from "./filter-text";
import { askedOf, chipOf, firstChoice, splitLast, suggestionsOf } from "./suggestions";

function agent(id: number, name: string, version: string): Agent {
  return { id, name, version, createdAt: "2026-01-01T00:00:00Z" };
}

const KNOWN = {
  agents: [agent(1, "desk", "1.0"), agent(2, "desk", "2.0"), agent(3, "help desk", "1.0")],
  values: ["search", "send mail"],
};

function labels(text: string): string[] {
  return suggestionsOf(text, KNOWN).map((one) => one.label);
}

test("an empty bar offers every field, a word the fields that begin so and the search", () => {
  expect(labels("")).toContain("status:");
  expect(labels("s")).toEqual(["s", "status:", "session:", "stale:"]);
  expect(labels("status:failed dur")).toEqual(["status:failed dur", "duration>", "duration<"]);
});

test("values of a field", () => {
  expect(labels("status:")).toEqual(["running", "pending", "success", "failed", "cancelled"]);
  expect(labels("refund STATUS:F")).toEqual(["failed"]);
  expect(labels("agent:")).toEqual(["desk", "desk 1.0", "desk 2.0", "help desk"]);
  expect(labels("agent:help")).toEqual(["help desk"]);
  expect(labels("version:1")).toEqual(["1.0"]);
  expect(labels("tool:se")).toEqual(["search", "send mail"]);
  expect(labels("error:")).toEqual(["yes", "no"]);
});

test("what is suggested is understood when it is taken", () => {
  for (const text of ["agent:", "tool:", "status:", "error:", "version:", "duration>", "cost<"]) {
    for (const one of suggestionsOf(text, KNOWN)) expect(parseFilters(one.text).problems).toEqual([]);
  }
  expect(parseFilters('tool:"send mail"').filters).toEqual({ tool: ["send mail"] });
});

test("the server is asked for values of its fields only", () => {
  expect(askedOf("status:failed tool:se")).toEqual({ field: "tool", prefix: "se" });
  expect(askedOf('session:"a b')).toEqual({ field: "session", prefix: "a b" });
  expect(askedOf("status:f")).toBeUndefined();
  expect(askedOf("tool:search ")).toBeUndefined();
});

test("Enter takes the first value that fits what is begun, and else what is written", () => {
  expect(firstChoice("status:f", suggestionsOf("status:f", KNOWN))).toBe(0);
  expect(firstChoice("status:", suggestionsOf("status:", KNOWN))).toBe(-1);
  expect(firstChoice("sta", suggestionsOf("sta", KNOWN))).toBe(-1);
  expect(firstChoice('tool:"se"', suggestionsOf('tool:"se"', KNOWN))).toBe(-1);
});

test("the last piece is what is being written", () => {
  expect(splitLast("status:failed too")).toEqual({ before: "status:failed ", last: "too" });
  expect(splitLast("status:failed ")).toEqual({ before: "status:failed ", last: "" });
  expect(splitLast('tool:"a b')).toEqual({ before: "", last: 'tool:"a b' });
});

test("chips say what is meant", () => {
  expect(chipOf("agent", "agent:#2", KNOWN.agents)).toEqual({ name: "agent", value: "desk 2.0" });
  expect(chipOf("agent", "agent:#9", KNOWN.agents)).toEqual({ name: "agent", value: "#9" });
  expect(chipOf("duration", "duration>5s", [])).toEqual({ name: "duration ≥", value: "5s" });
  expect(chipOf("tag", 'tag:"a b"', [])).toEqual({ name: "tag", value: "a b" });
});
