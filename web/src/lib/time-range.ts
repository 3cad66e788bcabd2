/** The window that figures are of: the last hours or days, or from one moment to another. */
import { oneOf, textOf } from "./search-params";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const RANGES = {
  "15m": { label: "15 minutes", ms: HOUR / 4 },
  "1h": { label: "1 hour", ms: HOUR },
  "6h": { label: "6 hours", ms: 6 * HOUR },
  "24h": { label: "24 hours", ms: DAY },
  "7d": { label: "7 days", ms: 7 * DAY },
  "30d": { label: "30 days", ms: 30 * DAY },
  "90d": { label: "90 days", ms: 90 * DAY },
} as const;
export type RangeName = keyof typeof RANGES;
export const RANGE_NAMES = Object.keys(RANGES) as RangeName[]; // `keys` forgets what keys the object has
export const DEFAULT_RANGE: RangeName = "24h";

/** As it stands in the URL: `range`, or `from` and `to`. */
export interface RangeSearch {
  range?: RangeName;
  from?: string;
  to?: string;
}

/** As the API takes it. */
export interface Window {
  from: string;
  to: string;
}

export function rangeSearchOf(raw: Record<string, unknown>): RangeSearch {
  const [from, to] = [momentOf(raw.from), momentOf(raw.to)];
  if (from && to && from < to) return { from, to };
  const range = oneOf(raw.range, RANGE_NAMES);
  return range ? { range } : {};
}

/**
 * The window of a range, as of `now`.
 *
 * The end of a moving window is the next full minute, so that the same question asked twice in a minute is the same.
 */
export function windowOf(search: RangeSearch, now: number, otherwise: RangeName = DEFAULT_RANGE): Window {
  if (search.from && search.to) return { from: search.from, to: search.to };
  const to = Math.ceil(now / 60_000) * 60_000;
  return { from: iso(to - RANGES[search.range ?? otherwise].ms), to: iso(to) };
}

/** Whether the window moves on with time. */
export function isMoving(search: RangeSearch): boolean {
  return !(search.from && search.to);
}

export function iso(moment: number | Date): string {
  return new Date(moment).toISOString();
}

function momentOf(value: unknown): string | undefined {
  const text = textOf(value);
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : iso(ms);
}
