import { expect, test } from "vitest";
import { flagOf, numberOf, numbersOf, oneOf, parseSearch, someOf, stringifySearch, textsOf } from "./search-params";

test("what is written is read again", () => {
  const search = { status: ["FAILED", "RUNNING"], q: 'refund & "x"', agentId: 7, live: false };
  expect(parseSearch(stringifySearch(search))).toEqual({
    status: ["FAILED", "RUNNING"],
    q: 'refund & "x"',
    agentId: "7",
    live: "false",
  });
});

test("a parameter may be called as what every object has", () => {
  expect(Object.entries(parseSearch("?constructor=a&constructor=b&toString=c"))).toEqual([
    ["constructor", ["a", "b"]],
    ["toString", "c"],
  ]);
});

test("what is empty does not stand in the URL", () => {
  expect(stringifySearch({ a: undefined, b: "", c: [], d: null })).toBe("");
});

test("a URL may say anything: what makes no sense is left out", () => {
  expect(textsOf(["a", "a", "", "b"])).toEqual(["a", "b"]);
  expect([numberOf("1e3"), numberOf("abc"), numberOf(""), numberOf("Infinity")]).toEqual([
    1000,
    undefined,
    undefined,
    undefined,
  ]);
  expect(numbersOf(["1", "x", "2"])).toEqual([1, 2]);
  expect([flagOf("true"), flagOf("false"), flagOf("yes")]).toEqual([true, false, undefined]);
  expect(oneOf("cost", ["time", "cost"])).toBe("cost");
  expect(oneOf("price", ["time", "cost"])).toBeUndefined();
  expect(someOf(["b", "x", "a"], ["a", "b"])).toEqual(["a", "b"]);
});
