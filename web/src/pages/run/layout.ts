/** The time axis: what it spans, which part of it is looked at, and where on it something stands. */
import type { RunSummary } from "@/api/shapes";
import { epochMs, type StepRow } from "./steps";

/** Milliseconds since the epoch. */
export interface Span {
  start: number;
  end: number;
}

const SHORTEST_MS = 0.01;

type RunTimes = Pick<RunSummary, "startedAt" | "finishedAt" | "lastEventAt" | "status" | "stale">;

/** Whether more is to be expected of it. */
export function isUnderWay(run: Pick<RunSummary, "status">): boolean {
  return run.status === "RUNNING" || run.status === "PENDING";
}

/**
 * Until when what has not ended is drawn.
 *
 * That is now; of a run that has ended, or gone silent, its end or its last sign of life.
 */
export function openEndOf(run: RunTimes, now: number): number {
  if (isUnderWay(run) && !run.stale) return now;
  return epochMs(run.finishedAt ?? run.lastEventAt) ?? now;
}

/** All that the run and its steps take. */
export function extentOf(run: RunTimes, steps: readonly StepRow[], openEnd: number): Span {
  const started = epochMs(run.startedAt);
  const finished = run.finishedAt === null ? null : epochMs(run.finishedAt);
  let start = started ?? Number.POSITIVE_INFINITY;
  let end = finished ?? (isUnderWay(run) && !run.stale ? openEnd : Number.NEGATIVE_INFINITY);
  for (const step of steps) {
    if (step.startMs === null) continue;
    if (step.startMs < start) start = step.startMs;
    const until = step.endMs ?? step.startMs;
    if (until > end) end = until;
  }
  if (!Number.isFinite(start)) start = openEnd;
  return end - start >= SHORTEST_MS ? { start, end } : { start, end: start + 1 };
}

/** From where to where a step is drawn; null if it does not say when it started. */
export function spanOf(step: StepRow, openEnd: number): Span | null {
  if (step.startMs === null) return null;
  const end = step.endMs ?? (step.status === "RUNNING" ? openEnd : step.startMs);
  return { start: step.startMs, end: Math.max(end, step.startMs) };
}

/** A part of the axis, as shares of it: 0 is its start, 1 its end. */
export interface Bar {
  left: number;
  width: number;
}

/** Null where nothing of it is to be seen. */
export function barOf(span: Span, view: Span): Bar | null {
  if (span.end < view.start || span.start > view.end) return null;
  const whole = view.end - view.start;
  const left = Math.max(0, (span.start - view.start) / whole);
  const right = Math.min(1, (span.end - view.start) / whole);
  return { left, width: right - left };
}

const STEPS_BELOW_MINUTES = [1, 2, 2.5, 5];
const ROUND_SECONDS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Moments at round distances from `origin`, at most `most` of them. */
export function ticksOf(view: Span, origin: number, most: number): number[] {
  const step = roundStep((view.end - view.start) / Math.max(1, most));
  const ticks: number[] = [];
  for (let nth = Math.ceil((view.start - origin) / step); origin + nth * step <= view.end; nth++) {
    ticks.push(origin + nth * step);
    if (ticks.length > most) break;
  }
  return ticks;
}

/** The smallest round number of milliseconds that is no smaller. */
function roundStep(least: number): number {
  if (least >= 5000) {
    const seconds = ROUND_SECONDS.find((one) => one * 1000 >= least);
    return seconds === undefined ? Math.ceil(least / 86_400_000) * 86_400_000 : seconds * 1000;
  }
  const power = 10 ** Math.floor(Math.log10(least));
  return (STEPS_BELOW_MINUTES.find((one) => one * power >= least) ?? 10) * power;
}

/** A view that lies within the whole, and is not too short to be one. */
export function fitView(view: Span, whole: Span): Span {
  const length = Math.min(Math.max(view.end - view.start, SHORTEST_MS), whole.end - whole.start);
  const start = Math.min(Math.max(view.start, whole.start), whole.end - length);
  return { start, end: start + length };
}

/** Larger or smaller around the moment that stands at a share of the view. `factor` below 1 shows less, in more detail. */
export function zoomView(view: Span, whole: Span, factor: number, share: number): Span {
  const length = view.end - view.start;
  const moment = view.start + length * share;
  return fitView({ start: moment - length * factor * share, end: moment + length * factor * (1 - share) }, whole);
}

/** Further on or back by a share of what is seen. */
export function panView(view: Span, whole: Span, share: number): Span {
  const by = (view.end - view.start) * share;
  return fitView({ start: view.start + by, end: view.end + by }, whole);
}

export function isWhole(view: Span, whole: Span): boolean {
  return view.start <= whole.start && view.end >= whole.end;
}

/** As the URL has it: `1200..5400`, milliseconds since `origin`; undefined for the whole axis. */
export function zoomText(view: Span, whole: Span, origin: number): string | undefined {
  if (isWhole(view, whole)) return undefined;
  return `${rounded(view.start - origin)}..${rounded(view.end - origin)}`;
}

/** The view that such a text means; the whole where it means none. */
export function viewOf(text: string | undefined, whole: Span, origin: number): Span {
  const parts = text?.split("..").map(Number) ?? [];
  const [from, to] = [parts[0] ?? Number.NaN, parts[1] ?? Number.NaN];
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) return whole;
  return fitView({ start: origin + from, end: origin + to }, whole);
}

function rounded(ms: number): number {
  return Number(ms.toFixed(2));
}
