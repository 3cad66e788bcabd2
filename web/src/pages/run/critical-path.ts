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

interface Timed extends Span {
  at: number;
}

interface Frame {
  at: number;
  start: number;
  /** Up to which its time is not accounted for. */
  until: number;
  /** The last to finish first. */
  children: Timed[];
  next: number;
}

export function criticalPath(tree: StepTree, whole: Span, openEnd: number): CriticalPath {
  const childrenOf = timedChildren(tree, openEnd);
  const segments = new Map<number, Span[]>();
  const outside: Span[] = [];
  const add = (at: number, start: number, end: number) => {
    if (end <= start) return;
    if (at === NONE) outside.push({ start, end });
    else pushTo(segments, at, { start, end });
  };
  const frames = [frameOf(NONE, whole, childrenOf)];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const child = nextChild(frame);
    if (child === undefined) {
      add(frame.at, frame.start, frame.until);
      frames.pop();
      continue;
    }
    add(frame.at, child.end, frame.until);
    frame.until = child.start;
    frames.push(frameOf(child.at, child, childrenOf));
  }
  return { segments, outside };
}

function frameOf(at: number, { start, end }: Span, childrenOf: ReadonlyMap<number, Timed[]>): Frame {
  const inside = (childrenOf.get(at) ?? [])
    .filter((child) => child.start < end && child.end > start)
    .map((child) => ({ at: child.at, start: Math.max(child.start, start), end: Math.min(child.end, end) }));
  inside.sort((a, b) => b.end - a.end || a.start - b.start);
  return { at, start, until: end, children: inside, next: 0 };
}

/** The last that finished by then. Those that went on longer were waited for by nobody. */
function nextChild(frame: Frame): Timed | undefined {
  while (frame.next < frame.children.length) {
    const child = frame.children[frame.next++];
    if (!child || child.end <= child.start || child.start >= frame.until) continue;
    if (child.end <= frame.until + overlapOf(child)) return { ...child, end: Math.min(child.end, frame.until) };
  }
  return undefined;
}

/** By how much, in milliseconds, a step may reach into the next without being beside it: clocks are read, and rounded. */
function overlapOf({ start, end }: Span): number {
  return Math.max(0.002, Math.min(1, (end - start) * 0.05));
}

/** Steps without times cannot be waited for: their children count as those of the step above. */
function timedChildren(tree: StepTree, openEnd: number): Map<number, Timed[]> {
  const timedAbove = new Int32Array(tree.order.length);
  const found = new Map<number, Timed[]>();
  for (const at of tree.order) {
    const step = tree.steps[at];
    const up = tree.parent[at] ?? NONE;
    const above = up === NONE ? NONE : (timedAbove[up] ?? NONE);
    const span = step ? spanOf(step, openEnd) : null;
    timedAbove[at] = span ? at : above;
    if (span) pushTo(found, above, { at, ...span });
  }
  return found;
}

function pushTo<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
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
