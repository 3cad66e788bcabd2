import { describe, expect, test } from "vitest";
import { manySteps, step } from "./test-steps";
import {
  ALL_OPEN,
  buildTree,
  type Folding,
  isOpen,
  NONE,
  openTo,
  PLACED,
  rowIndexOf,
  type StepTree,
  visibleRows,
  withAncestors,
} from "./tree";

function ids(tree: StepTree, positions: Int32Array): string[] {
  return [...positions].map((at) => tree.steps[at]?.id ?? "?");
}

function rowsOf(tree: StepTree, folding: Folding = ALL_OPEN, wanted?: Uint8Array): string[] {
  return ids(tree, visibleRows(tree, folding, wanted));
}

const family = buildTree([
  step({ id: "a", start: 0, end: 100 }),
  step({ id: "a1", parentId: "a", start: 10, end: 40 }),
  step({ id: "a1x", parentId: "a1", start: 15, end: 20 }),
  step({ id: "a2", parentId: "a", start: 50, end: 60 }),
  step({ id: "b", start: 100, end: 110 }),
]);

describe("the tree", () => {
  test("has parents before their children, with depth and size", () => {
    expect(rowsOf(family)).toEqual(["a", "a1", "a1x", "a2", "b"]);
    expect([...family.depth]).toEqual([0, 1, 2, 1, 0]);
    expect([...family.size]).toEqual([4, 2, 1, 1, 1]);
  });

  test("orders siblings by their start, whatever order they came in", () => {
    const tree = buildTree([
      step({ id: "late", parentId: "root", start: 50, end: 60 }),
      step({ id: "early", parentId: "root", start: 10, end: 20 }),
      step({ id: "root", start: 0, end: 70 }),
    ]);
    expect(rowsOf(tree)).toEqual(["root", "early", "late"]);
  });

  test("leaves steps without times where they came", () => {
    const tree = buildTree([
      step({ id: "unsaid0" }),
      step({ id: "x", start: 10, end: 11 }),
      step({ id: "unsaid1" }),
      step({ id: "y", start: 20, end: 21 }),
    ]);
    expect(rowsOf(tree)).toEqual(["unsaid0", "x", "unsaid1", "y"]);
  });

  test("puts a step whose parent is not there at the root, and says so", () => {
    const tree = buildTree([step({ id: "x", parentId: "gone", start: 0, end: 1 }), step({ id: "y", parentId: "x" })]);
    expect([...tree.depth]).toEqual([0, 1]);
    expect([...tree.placed]).toEqual([PLACED.parentMissing, PLACED.byParent]);
  });

  test("cuts circles, and has every step of them once", () => {
    const tree = buildTree([
      step({ id: "self", parentId: "self" }),
      step({ id: "p", parentId: "r", start: 5, end: 6 }),
      step({ id: "q", parentId: "p", start: 6, end: 7 }),
      step({ id: "r", parentId: "q", start: 7, end: 8 }),
      step({ id: "beside", parentId: "r", start: 9, end: 10 }),
      step({ id: "below", parentId: "q", start: 8, end: 9 }),
    ]);
    expect(rowsOf(tree)).toEqual(["self", "p", "q", "r", "beside", "below"]);
    expect(tree.placed[0]).toBe(PLACED.parentsInCircle);
    expect(tree.placed[1]).toBe(PLACED.parentsInCircle);
    expect(tree.size[1]).toBe(5);
  });

  test("takes chains that are deeper than a stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, nth) =>
      step({ id: `s${nth}`, parentId: nth === 0 ? null : `s${nth - 1}` }),
    );
    const tree = buildTree(chain);
    expect(tree.depth[49_999]).toBe(49_999);
    expect(visibleRows(tree, ALL_OPEN)).toHaveLength(50_000);
  });

  test("is made of 50,000 steps in a fraction of a second", () => {
    const steps = manySteps(50_000);
    const before = performance.now();
    visibleRows(buildTree(steps), ALL_OPEN);
    expect(performance.now() - before).toBeLessThan(500);
  });

  test("of nothing has no rows", () => {
    expect(rowsOf(buildTree([]))).toEqual([]);
  });
});

describe("rows", () => {
  test("end at the level that is open", () => {
    expect(rowsOf(family, { openLevels: 1, byHand: new Map() })).toEqual(["a", "b"]);
    expect(rowsOf(family, { openLevels: 2, byHand: new Map() })).toEqual(["a", "a1", "a2", "b"]);
  });

  test("are as somebody opened and closed them", () => {
    expect(rowsOf(family, { ...ALL_OPEN, byHand: new Map([["a1", false]]) })).toEqual(["a", "a1", "a2", "b"]);
    expect(rowsOf(family, { openLevels: 1, byHand: new Map([["a", true]]) })).toEqual(["a", "a1", "a2", "b"]);
  });

  test("can be only some, with what they are in", () => {
    expect(rowsOf(family, ALL_OPEN, withAncestors(family, [2]))).toEqual(["a", "a1", "a1x"]);
    expect(rowsOf(family, ALL_OPEN, withAncestors(family, []))).toEqual([]);
  });

  test("know where a step stands, or what hides it", () => {
    const closed: Folding = { ...ALL_OPEN, byHand: new Map([["a", false]]) };
    expect(rowIndexOf(family, visibleRows(family, ALL_OPEN), 3)).toBe(3);
    expect(rowIndexOf(family, visibleRows(family, closed), 2)).toBe(0);
    expect(rowIndexOf(family, visibleRows(family, closed), 4)).toBe(1);
    expect(rowIndexOf(family, new Int32Array(0), 2)).toBe(NONE);
  });

  test("are opened down to a step, and no further", () => {
    const closed: Folding = { openLevels: 1, byHand: new Map() };
    const opened = openTo(family, 2, closed);
    expect(rowsOf(family, opened)).toEqual(["a", "a1", "a1x", "a2", "b"]);
    expect(isOpen(family, 4, opened)).toBe(false);
    expect(openTo(family, 4, closed)).toBe(closed);
  });
});
