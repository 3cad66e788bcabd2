import { numbersOf } from "@/lib/search-params";
import { type RangeName, type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export interface OverviewSearch extends RangeSearch {
  agentId?: number[];
}

export const DEFAULT_RANGE: RangeName = "24h";

export function overviewSearchOf(raw: Record<string, unknown>): OverviewSearch {
  const { range, ...fixed } = rangeSearchOf(raw);
  return { ...fixed, range: range === DEFAULT_RANGE ? undefined : range, agentId: numbersOf(raw.agentId) };
}
