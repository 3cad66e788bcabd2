/**
 * The chain of steps that decided when the run ended.
 *
 * From the end backwards: whatever finished last before the moment looked at, was waited for; its own time is what none
 * of its children took. Source: the same walk as in distributed tracing, e.g. "CRISP: Critical Path Analysis of
 * Large-Scale Microservice Architectures" (USENIX ATC 2022).
 */
import type { Span } from "./layout";
import { spanOf } from "./layout";
import { stepLabel } from "./steps";
import { NONE, type StepTree } from "./tree";

export interface CriticalPath {
  /** By position, the times in which the run waited for this step itself, the last first. */
  segments: ReadonlyMap<number, Span[]>;
  /** In which it waited for no step at all. */
  outside: Span[];
}

/** When steps started and ended, and which are in which: columns of numbers, as there may be very many. */
interface Times {
  starts: Float64Array;
  ends: Float64Array;
  /** Positions, those in the same step side by side, the last to end last. */
  children: Int32Array;
  /** Where in `children` those of a position begin; those of `at` end where those of `at + 1` begin. The run itself is the last. */
  begins: Int32Array;
}

interface Frame extends Span {
  at: number;
  /** Up to which its time is not accounted for. */
  until: number;
  /** In `children`: those before it are still to be looked at. */
  left: number;
}

export function criticalPath(tree: StepTree, whole: Span, openEnd: number): CriticalPath {
  const times = timesOf(tree, openEnd);
  const segments = new Map<number, Span[]>();
  const outside: Span[] = [];
  const run = tree.order.length;
  const add = (at: number, start: number, end: number) => {
    if (end <= start) return;
    const known = at === run ? outside : segments.get(at);
    if (known) known.push({ start, end });
    else segments.set(at, [{ start, end }]);
  };
  const frames = [frameOf(run, whole.start, whole.end, times)];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const child = nextChild(frame, times);
    if (child === undefined) {
      add(frame.at, frame.start, frame.until);
      frames.pop();
      continue;
    }
    add(frame.at, child.end, frame.until);
    frame.until = child.start;
    frames.push(child);
  }
  return { segments, outside };
}

function frameOf(at: number, start: number, end: number, { begins }: Times): Frame {
  return { at, start, end, until: end, left: begins[at + 1] ?? 0 };
}

/** The last that ended by then. Those that went on longer were waited for by nobody. */
function nextChild(frame: Frame, times: Times): Frame | undefined {
  const first = times.begins[frame.at] ?? 0;
  while (frame.left > first) {
    const at = times.children[--frame.left] ?? NONE;
    const start = Math.max(times.starts[at] ?? 0, frame.start);
    const end = Math.min(times.ends[at] ?? 0, frame.end);
    if (end <= start || start >= frame.until || end > frame.until + overlapOf(start, end)) continue;
    return frameOf(at, start, Math.min(end, frame.until), times);
  }
  return undefined;
}

/** By how much, in milliseconds, a step may reach into the next without being beside it: clocks are read, and rounded. */
function overlapOf(start: number, end: number): number {
  return Math.max(0.002, Math.min(1, (end - start) * 0.05));
}

/** Steps without times cannot be waited for: their children count as those of the step above. */
function timesOf(tree: StepTree, openEnd: number): Times {
  const count = tree.order.length;
  const [starts, ends] = [new Float64Array(count), new Float64Array(count)];
  const timedAbove = new Int32Array(count);
  const parents = new Int32Array(count).fill(NONE);
  for (const at of tree.order) {
    const step = tree.steps[at];
    const up = tree.parent[at] ?? NONE;
    const above = up === NONE ? count : (timedAbove[up] ?? count);
    const span = step ? spanOf(step, openEnd) : null;
    timedAbove[at] = span ? at : above;
    if (!span) continue;
    starts[at] = span.start;
    ends[at] = span.end;
    parents[at] = above;
  }
  return { starts, ends, ...grouped(tree.order, parents, ends) };
}

function grouped(order: Int32Array, parents: Int32Array, ends: Float64Array): Pick<Times, "children" | "begins"> {
  const begins = new Int32Array(order.length + 2);
  for (const parent of parents) if (parent !== NONE) begins[parent + 1] = (begins[parent + 1] ?? 0) + 1;
  for (let at = 1; at < begins.length; at++) begins[at] = (begins[at] ?? 0) + (begins[at - 1] ?? 0);
  const filled = begins.slice();
  const children = new Int32Array(begins.at(-1) ?? 0);
  for (const at of order) {
    const parent = parents[at] ?? NONE;
    if (parent === NONE) continue;
    children[filled[parent] ?? 0] = at;
    filled[parent] = (filled[parent] ?? 0) + 1;
  }
  for (let at = 0; at + 1 < begins.length; at++) sortByEnd(children.subarray(begins[at], begins[at + 1]), ends);
  return { children, begins };
}

/** Most stand so already, as they came by their start. */
function sortByEnd(some: Int32Array, ends: Float64Array): void {
  const end = (at: number | undefined) => ends[at ?? NONE] ?? 0;
  for (let nth = 1; nth < some.length; nth++) {
    if (end(some[nth]) >= end(some[nth - 1])) continue;
    some.sort((a, b) => end(a) - end(b));
    return;
  }
}

export interface PathShare {
  label: string;
  steps: number;
  ms: number;
  share: number;
}

/** How much of the path each tool took, the most first. Time outside of steps is the one without steps. */
export function sharesOf(tree: StepTree, path: CriticalPath): PathShare[] {
  const sums = new Map<string, PathShare>();
  let total = 0;
  for (const [at, segments] of path.segments) {
    const step = tree.steps[at];
    if (!step) continue;
    const label = step.toolName ?? stepLabel(step);
    const sum = sums.get(label) ?? { label, steps: 0, ms: 0, share: 0 };
    sum.steps += 1;
    sum.ms += lengthOf(segments);
    sums.set(label, sum);
  }
  const outside = lengthOf(path.outside);
  const shares = [...sums.values()];
  if (outside > 0) shares.push({ label: "Outside of steps", steps: 0, ms: outside, share: 0 });
  for (const { ms } of shares) total += ms;
  for (const share of shares) share.share = total > 0 ? share.ms / total : 0;
  return shares.sort((a, b) => b.ms - a.ms);
}

export function lengthOf(segments: readonly Span[]): number {
  let sum = 0;
  for (const { start, end } of segments) sum += end - start;
  return sum;
}

/** What is to be drawn of segments, which come the last first: those in view, with gaps closed that nobody could see. */
export function segmentsInView(segments: readonly Span[], view: Span, mostPieces = 400): Span[] {
  const gap = (view.end - view.start) / mostPieces;
  const drawn: Span[] = [];
  for (const { start, end } of segments) {
    if (end < view.start || start > view.end) continue;
    const last = drawn.at(-1);
    if (last && last.start - end < gap) last.start = Math.min(last.start, start);
    else drawn.push({ start, end });
  }
  return drawn;
}
