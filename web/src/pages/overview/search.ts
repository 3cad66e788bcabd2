import { numbersOf } from "@/lib/search-params";
import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export interface OverviewSearch extends RangeSearch {
  agentId?: number[];
}

export function overviewSearchOf(raw: Record<string, unknown>): OverviewSearch {
  return { ...rangeSearchOf(raw), agentId: numbersOf(raw.agentId) };
}
