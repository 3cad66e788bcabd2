import type { Scope } from "@/lib/places";
import { numbersOf } from "@/lib/search-params";
import { DEFAULT_RANGE, rangeSearchOf } from "@/lib/time-range";

export type OverviewSearch = Scope;

export function overviewSearchOf(raw: Record<string, unknown>): OverviewSearch {
  const { range, ...fixed } = rangeSearchOf(raw);
  return { ...fixed, range: range === DEFAULT_RANGE ? undefined : range, agentId: numbersOf(raw.agentId) };
}
