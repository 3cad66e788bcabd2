/** The steps of a run as a tree, and the tree as rows. Made for 50,000 steps: columns of numbers, and no recursion. */
import type { StepRow } from "./steps";

export const NONE = -1;

/** Why a step stands at the root although it names a parent. */
export const PLACED = { byParent: 0, parentMissing: 1, parentsInCircle: 2 } as const;

/** Steps are known by their position in `steps`. */
export interface StepTree {
  steps: readonly StepRow[];
  positionOf: ReadonlyMap<string, number>;
  /** All positions as the open tree shows them: parents before their children. */
  order: Int32Array;
  /** The place of a position in `order`. */
  placeOf: Int32Array;
  /** The parent's position, or `NONE`. */
  parent: Int32Array;
  depth: Int32Array;
  /** How many steps stand in `order` from this one to the end of what is below it; itself counts. */
  size: Int32Array;
  /** One of `PLACED`. */
  placed: Uint8Array;
}

export function buildTree(steps: readonly StepRow[]): StepTree {
  const count = steps.length;
  const positionOf = new Map<string, number>();
  for (let at = 0; at < count; at++) positionOf.set(idAt(steps, at), at);
  const parent = new Int32Array(count).fill(NONE);
  const placed = new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    const parentId = steps[at]?.parentId ?? null;
    if (parentId === null) continue;
    const found = positionOf.get(parentId);
    if (found === undefined) placed[at] = PLACED.parentMissing;
    else if (found === at) placed[at] = PLACED.parentsInCircle;
    else parent[at] = found;
  }
  const tree = { steps, positionOf, parent, placed, ...emptyColumns(count) };
  walk(tree, childrenInOrder(tree, inOrderOfTime(steps)));
  measure(tree);
  return tree;
}

interface Children {
  inTime: Int32Array;
  first: Int32Array;
  next: Int32Array;
}

function emptyColumns(count: number) {
  return {
    order: new Int32Array(count),
    placeOf: new Int32Array(count).fill(NONE),
    depth: new Int32Array(count),
    size: new Int32Array(count).fill(1),
  };
}

function idAt(steps: readonly StepRow[], at: number): string {
  return steps[at]?.id ?? "";
}

/** Positions by when they started. A step that does not say stands after the one before it. */
export function inOrderOfTime(steps: readonly StepRow[]): Int32Array {
  const starts = new Float64Array(steps.length);
  let [last, isSorted] = [Number.NEGATIVE_INFINITY, true];
  for (let at = 0; at < steps.length; at++) {
    const start = steps[at]?.startMs ?? last;
    if (start < last) isSorted = false;
    starts[at] = last = start;
  }
  const positions = Int32Array.from(steps, (_, at) => at);
  return isSorted ? positions : positions.sort((a, b) => compare(starts[a], starts[b]) || a - b);
}

/** Without `Infinity - Infinity`, which is no number. */
function compare(a = 0, b = 0): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function childrenInOrder({ parent }: Pick<StepTree, "parent">, inTime: Int32Array): Children {
  const first = new Int32Array(parent.length).fill(NONE);
  const next = new Int32Array(parent.length).fill(NONE);
  for (let back = inTime.length - 1; back >= 0; back--) {
    const at = inTime[back] ?? NONE;
    const above = parent[at] ?? NONE;
    if (above === NONE) continue;
    next[at] = first[above] ?? NONE;
    first[above] = at;
  }
  return { inTime, first, next };
}

/** Roots first; steps that no root leads to are in a circle, which is cut where it is first met. */
function walk(tree: StepTree, children: Children): void {
  let done = 0;
  for (const at of children.inTime) {
    if (tree.parent[at] === NONE) done = walkFrom(tree, children, at, done);
  }
  if (done === tree.order.length) return;
  for (const at of children.inTime) {
    if (tree.placeOf[at] !== NONE) continue;
    tree.parent[at] = NONE;
    tree.placed[at] = PLACED.parentsInCircle;
    done = walkFrom(tree, children, at, done);
  }
}

function walkFrom(tree: StepTree, { first, next }: Children, root: number, done: number): number {
  const waiting = [root];
  let place = done;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (place > done) {
      const sibling = next[at] ?? NONE;
      if (sibling !== NONE) waiting.push(sibling);
      if (tree.placeOf[at] !== NONE) continue; // the root, met again where a circle was cut
      tree.depth[at] = (tree.depth[tree.parent[at] ?? NONE] ?? 0) + 1;
    }
    tree.placeOf[at] = place;
    tree.order[place++] = at;
    const child = first[at] ?? NONE;
    if (child !== NONE) waiting.push(child);
  }
  return place;
}

function measure({ order, parent, size }: StepTree): void {
  for (let place = order.length - 1; place >= 0; place--) {
    const at = order[place] ?? NONE;
    const above = parent[at] ?? NONE;
    if (above !== NONE) size[above] = (size[above] ?? 0) + (size[at] ?? 0);
  }
}

/** Which steps are closed: all from a level on, but for those that were opened or closed by hand. */
export interface Folding {
  /** Steps above this level (the roots are level 1) are open. */
  openLevels: number;
  byHand: ReadonlyMap<string, boolean>;
}

export const ALL_OPEN: Folding = { openLevels: Number.POSITIVE_INFINITY, byHand: new Map() };

export function isOpen(tree: StepTree, at: number, folding: Folding): boolean {
  const byHand = folding.byHand.size === 0 ? undefined : folding.byHand.get(idAt(tree.steps, at));
  return byHand ?? (tree.depth[at] ?? 0) + 1 < folding.openLevels;
}

/** The positions that are to be seen, in their order. With `wanted`, only those that it marks. */
export function visibleRows(tree: StepTree, folding: Folding, wanted?: Uint8Array): Int32Array {
  const rows = new Int32Array(tree.order.length);
  let count = 0;
  for (let place = 0; place < tree.order.length; ) {
    const at = tree.order[place] ?? NONE;
    if (wanted && !wanted[at]) {
      place += tree.size[at] ?? 1; // what is above something wanted is wanted as well
      continue;
    }
    rows[count++] = at;
    place += isOpen(tree, at, folding) ? 1 : (tree.size[at] ?? 1);
  }
  return rows.subarray(0, count);
}

/** Marks some steps, and all that they are in. */
export function withAncestors(tree: StepTree, some: Iterable<number>): Uint8Array {
  const marked = new Uint8Array(tree.order.length);
  for (const one of some) {
    for (let at = one; at !== NONE && !marked[at]; at = tree.parent[at] ?? NONE) marked[at] = 1;
  }
  return marked;
}

/** The same folding with all open that a step is in. */
export function openTo(tree: StepTree, at: number, folding: Folding): Folding {
  const byHand = new Map(folding.byHand);
  let isChanged = false;
  for (let above = tree.parent[at] ?? NONE; above !== NONE; above = tree.parent[above] ?? NONE) {
    if (isOpen(tree, above, folding)) continue;
    byHand.set(idAt(tree.steps, above), true);
    isChanged = true;
  }
  return isChanged ? { ...folding, byHand } : folding;
}

/** Where a step stands among rows, or else the nearest that it is in; `NONE` if none of them is there. */
export function rowIndexOf(tree: StepTree, rows: Int32Array, at: number): number {
  for (let one = at; one !== NONE; one = tree.parent[one] ?? NONE) {
    const index = exactRowIndexOf(tree, rows, one);
    if (index !== NONE) return index;
  }
  return NONE;
}

function exactRowIndexOf(tree: StepTree, rows: Int32Array, at: number): number {
  const place = tree.placeOf[at] ?? NONE;
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = tree.placeOf[rows[middle] ?? NONE] ?? NONE;
    if (found === place) return middle;
    if (found < place) low = middle + 1;
    else high = middle - 1;
  }
  return NONE;
}
