import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export type SessionsSearch = RangeSearch;

export function sessionsSearchOf(raw: Record<string, unknown>): SessionsSearch {
  return rangeSearchOf(raw);
}

export type SessionSearch = RangeSearch;

export function sessionSearchOf(raw: Record<string, unknown>): SessionSearch {
  return rangeSearchOf(raw);
}
