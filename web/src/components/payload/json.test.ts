import { describe, expect, it } from "vitest";
import { isContainer, jsonBytes, parsedContainer, writeJson } from "./json";

function nested(depth: number): unknown {
  let value: unknown = "bottom";
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

describe("writeJson", () => {
  it("writes what JSON.stringify writes, and null for what JSON has no word for", () => {
    const value = { a: [1, "ü\n", null], b: {}, c: [] };
    expect(writeJson(value, 2)).toBe(JSON.stringify(value, null, 2));
    expect(writeJson(undefined)).toBe("null");
  });

  it("writes values that are nested deeper than the stack goes", () => {
    const text = writeJson(nested(50_000));
    expect(text.startsWith('[{"a":[{"a":')).toBe(true);
    expect(text).toContain('{"a":"bottom"}');
    expect(text.length).toBe(25_000 * "[]".length + 25_000 * '{"a":}'.length + '"bottom"'.length);
    expect(writeJson(nested(20_000), 2).split("\n").length).toBe(40_001);
  });
});

it("counts bytes, not characters", () => {
  expect(jsonBytes("ü")).toBe(4);
  expect(jsonBytes({ a: 1 })).toBe(7);
});

it("finds objects and lists in texts, and nothing else", () => {
  expect(parsedContainer(' {"a": 1}')).toEqual({ a: 1 });
  expect(parsedContainer("[1]")).toEqual([1]);
  expect(parsedContainer("[not JSON]")).toBeUndefined();
  expect(parsedContainer("12")).toBeUndefined();
  expect(isContainer(parsedContainer('{"__proto__": {"polluted": true}}'))).toBe(true);
  expect("polluted" in {}).toBe(false);
});
