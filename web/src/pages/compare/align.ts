/** The steps of two runs, aligned: which belong together, which only one run has, and in what they differ. */
import { buildTree, NONE, type StepTree } from "@/pages/run/tree";
import type { ComparedStep, RowSide } from "./compared-step";
import { alignSequences, NO_PARTNER } from "./sequence";

export type Change = "status" | "model" | "duration" | "input" | "output" | "error";

export interface Row {
  /** Of the steps' ids; it stands in the URL. */
  key: string;
  depth: number;
  a?: RowSide;
  b?: RowSide;
  state: "same" | "changed" | "onlyA" | "onlyB";
  changes: Change[];
}

// One pair that is most alike never outweighs two of the same tool.
const SAME_TOOL = 8;
const SAME_NAME = 1;
const SAME_INPUT = 6;
const ENDS_CHARS_MAX = 400;
const SLOWER_MS = 250;
const SLOWER_SHARE = 0.5;

interface Side {
  steps: readonly ComparedStep[];
  tree: StepTree;
  keys: string[];
  children: Map<number, number[]>;
}

/** Rows in the order of the first run, with what only the second has where it belongs. */
export function alignSteps(stepsA: readonly ComparedStep[], stepsB: readonly ComparedStep[]): Row[] {
  const [a, b] = [sideOf(stepsA), sideOf(stepsB)];
  const rows: Row[] = [];
  // What is still to be shown, the next at the end: deep trees must not be recursed into.
  const waiting: Pair[] = [];
  const put = (pairs: Pair[]) => {
    for (let at = pairs.length - 1; at >= 0; at--) waiting.push(pairs[at] ?? [NONE, NONE, 0]);
  };
  put(pairsBelow(a, b, NONE, NONE, 0));
  for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
    const [inA, inB, depth] = pair;
    rows.push(rowOf(a.steps[inA], b.steps[inB], depth));
    put(pairsBelow(a, b, inA, inB, depth + 1));
  }
  return rows;
}

/** Positions in both runs (`NONE` where one has no such step) and the depth. */
type Pair = [number, number, number];

function sideOf(steps: readonly ComparedStep[]): Side {
  const tree = buildTree(steps);
  const children = new Map<number, number[]>();
  for (const at of tree.order) {
    const above = tree.parent[at] ?? NONE;
    const siblings = children.get(above);
    if (siblings) siblings.push(at);
    else children.set(above, [at]);
  }
  return { steps, tree, keys: steps.map(keyOf), children };
}

/** What makes a step the same step in another run. */
function keyOf(step: ComparedStep): string {
  return `${step.kind ?? ""}\n${step.toolName ?? step.name ?? ""}`;
}

/** The steps right below two that belong together, or below the one that has no partner; below `NONE` twice, the roots. */
function pairsBelow(a: Side, b: Side, inA: number, inB: number, depth: number): Pair[] {
  const isRoot = depth === 0;
  const below = inA === NONE && !isRoot ? [] : (a.children.get(inA) ?? []);
  const other = inB === NONE && !isRoot ? [] : (b.children.get(inB) ?? []);
  const partners = alignSequences(below.length, other.length, {
    of: (x, y) => likenessOf(a, b, below[x] ?? NONE, other[y] ?? NONE),
    best: SAME_TOOL + SAME_NAME + SAME_INPUT,
  });
  const pairs: Pair[] = [];
  let next = 0;
  // What A alone has stands before what B alone has at the same place.
  for (const [at, step] of below.entries()) {
    const partner = partners[at] ?? NO_PARTNER;
    if (partner === NO_PARTNER) {
      pairs.push([step, NONE, depth]);
      continue;
    }
    for (; next < partner; next++) pairs.push([NONE, other[next] ?? NONE, depth]);
    pairs.push([step, other[next++] ?? NONE, depth]);
  }
  for (; next < other.length; next++) pairs.push([NONE, other[next] ?? NONE, depth]);
  return pairs;
}

function likenessOf(a: Side, b: Side, inA: number, inB: number): number {
  if (a.keys[inA] !== b.keys[inB]) return 0;
  const [stepA, stepB] = [a.steps[inA], b.steps[inB]];
  const name = stepA?.name === stepB?.name ? SAME_NAME : 0;
  if (stepA?.input === stepB?.input) return SAME_TOOL + name + SAME_INPUT;
  // What was asked in other words is nearer than what was not asked at all.
  return SAME_TOOL + name + Math.floor(sharedEnds(stepA?.input ?? "", stepB?.input ?? "") * SAME_INPUT);
}

/** The share of two texts that both begin and end with; of long ones only their ends are looked at. */
function sharedEnds(a: string, b: string): number {
  const most = Math.min(a.length, b.length, ENDS_CHARS_MAX);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const longer = Math.min(Math.max(a.length, b.length), ENDS_CHARS_MAX);
  return longer === 0 ? 0 : Math.min(0.99, (start + end) / longer);
}

function rowOf(a: RowSide | undefined, b: RowSide | undefined, depth: number): Row {
  const key = `${a?.id ?? ""}~${b?.id ?? ""}`;
  return a && b ? pairOf(key, a, b, depth) : { key, depth, a, b, state: a ? "onlyA" : "onlyB", changes: [] };
}

/** The row of what both have. */
export function pairOf(key: string, a: RowSide, b: RowSide, depth: number): Row {
  const changes = changesOf(a, b);
  return { key, depth, a, b, state: changes.length > 0 ? "changed" : "same", changes };
}

function changesOf(a: RowSide, b: RowSide): Change[] {
  const changes: Change[] = [];
  if (a.status !== b.status) changes.push("status");
  if (a.model !== b.model) changes.push("model");
  if (a.input !== b.input) changes.push("input");
  if (a.output !== b.output) changes.push("output");
  if (a.error !== b.error) changes.push("error");
  if (isMuchSlower(a.durationMs, b.durationMs)) changes.push("duration");
  return changes;
}

/** Either of them: no two calls take the same time, so what is little is no difference. */
function isMuchSlower(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return false;
  return Math.abs(a - b) >= SLOWER_MS && Math.abs(a - b) >= SLOWER_SHARE * Math.min(a, b);
}
