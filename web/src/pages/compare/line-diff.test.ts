import { expect, test } from "vitest";
import { type DiffRow, diffLines, foldDiff, markChange } from "./line-diff";
import { linesOf } from "./payload-lines";

function short(rows: DiffRow[]): string[] {
  const signs = { same: "=", changed: "~", onlyA: "-", onlyB: "+" };
  return rows.map((row) => `${signs[row.kind]}${row.a?.text ?? ""}|${row.b?.text ?? ""}`);
}

test("lines that are the same face each other, changed ones stand side by side", () => {
  expect(short(diffLines(["a", "b", "c", "d"], ["a", "x", "c", "d", "e"]))).toEqual([
    "=a|a",
    "~b|x",
    "=c|c",
    "=d|d",
    "+|e",
  ]);
  expect(short(diffLines([], ["a"]))).toEqual(["+|a"]);
  expect(short(diffLines(["a", "b"], ["c"]))).toEqual(["~a|c", "-b|"]);
});

test("no line is lost, and each keeps its number", () => {
  const rows = diffLines(["a", "b", "b", "c"], ["b", "c", "a", "b"]);
  expect(rows.flatMap((row) => row.a?.number ?? [])).toEqual([1, 2, 3, 4]);
  expect(rows.flatMap((row) => row.b?.number ?? [])).toEqual([1, 2, 3, 4]);
});

test("what is the same for long is folded, but for its edges", () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
  const parts = foldDiff(diffLines(lines, [...lines.slice(0, 10), "new", ...lines.slice(10)]), 2);
  expect(parts.map((part) => [part.kind, part.rows.length])).toEqual([
    ["same", 8],
    ["rows", 5],
    ["same", 8],
  ]);
  expect(foldDiff([])).toEqual([]);
});

test("within a line only the difference is marked", () => {
  expect(markChange('"limit": 10,', '"limit": 120,')).toEqual({ before: '"limit": 1', a: "", b: "2", after: "0," });
  expect(markChange("abc", "xyz")).toEqual({ before: "", a: "abc", b: "xyz", after: "" });
  expect(markChange("x😀y", "x😁y")).toEqual({ before: "x", a: "😀", b: "😁", after: "y" });
  expect(markChange("aa", "a")).toEqual({ before: "a", a: "a", b: "", after: "" });
});

test("JSON is written with its keys in order, and texts keep their lines", () => {
  expect(linesOf({ b: [1, { c: null }], a: "one\ntwo" }).lines).toEqual([
    "{",
    '  "a": "one',
    'two",',
    '  "b": [',
    "    1,",
    "    {",
    '      "c": null',
    "    }",
    "  ]",
    "}",
  ]);
  expect(linesOf("one\ntwo").lines).toEqual(["one", "two"]);
  expect(linesOf([]).lines).toEqual(["[]"]);
  expect(linesOf(undefined).lines).toEqual(["null"]);
});

test("what is large or deep is cut, and says so", () => {
  expect(linesOf(Array.from({ length: 100_000 }, () => 1))).toMatchObject({ isCut: true });
  expect(linesOf("x\n".repeat(1_000_000)).lines.length).toBeLessThanOrEqual(4_000);
  expect(linesOf("x".repeat(9_000))).toMatchObject({ isCut: true });
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = [deep];
  expect(linesOf(deep).lines.length).toBeLessThan(200);
});
