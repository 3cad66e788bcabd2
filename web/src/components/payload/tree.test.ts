import { describe, expect, it } from "vitest";
import { findRows, inlineOf, isFoldable, openAtFirst, previewOf, rowsOf } from "./tree";

const value = { a: { b: [{ c: 1 }] }, "d e": "text" };

describe("rowsOf", () => {
  it("shows what is open, with the path as a program writes it", () => {
    expect(rowsOf(value, openAtFirst(value)).map((row) => [row.depth, row.path])).toEqual([
      [0, ""],
      [1, ".a"],
      [2, ".a.b"],
      [3, ".a.b[0]"],
      [4, ".a.b[0].c"],
      [1, '["d e"]'],
    ]);
    expect(rowsOf(value, new Map([["", 100]])).map((row) => row.path)).toEqual(["", ".a", '["d e"]']);
  });

  it("tells apart keys that have a slash in them from what is nested", () => {
    const ids = rowsOf({ "a/b": 1, a: { b: 1 } }, openAtFirst({ "a/b": 1, a: { b: 1 } })).map((row) => row.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("pages large lists", () => {
    const wide = Array.from({ length: 100_000 }, (_, index) => ({ index }));
    const rows = rowsOf(wide, openAtFirst(wide));
    expect(rows).toHaveLength(102);
    expect(rows.at(-1)?.more).toEqual({ shown: 100, count: 100_000 });
    expect(rowsOf(wide, new Map([["", 300]]))).toHaveLength(302);
  });

  it("opens deep values no further than there is room for", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = { a: deep };
    expect(rowsOf(deep, openAtFirst(deep)).length).toBeLessThan(50);
  });
});

describe("findRows", () => {
  it("finds keys and values, whatever their case", () => {
    expect(findRows({ Name: "x", list: ["say NAME", "no"] }, "name").rows.map((row) => row.path)).toEqual([
      ".Name",
      ".list",
    ]);
    expect(findRows({ a: [{ b: "needle" }] }, "NEEDLE").rows.map((row) => row.path)).toEqual([".a[0].b"]);
  });

  it("stops when there is too much to show", () => {
    const found = findRows(
      Array.from({ length: 1000 }, () => ({ hit: 1 })),
      "hit",
    );
    expect(found).toMatchObject({ isCut: true });
    expect(found.rows).toHaveLength(200);
  });
});

it("keeps short lists on one line", () => {
  expect(inlineOf(["north", 1840])).toBe('["north", 1840]');
  expect(inlineOf([[1]])).toBeUndefined();
  expect(inlineOf(["x".repeat(90)])).toBeUndefined();
  expect(isFoldable(["north", 1840])).toBe(false);
});

it("does not open what the server cut", () => {
  expect(isFoldable({ $truncated: true, bytes: 9, head: "x" })).toBe(false);
});

it("says in a few words what is closed", () => {
  expect(previewOf(Array.from({ length: 1200 }))).toBe("[1,200]");
  expect(previewOf({ a: 1, b: 2, c: 3, d: 4, e: 5 })).toBe("{a, b, c, d, … 5 keys}");
});
