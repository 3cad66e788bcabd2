import { numbersOf } from "@/lib/search-params";
import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export interface AgentsSearch extends RangeSearch {
  agentId?: number[];
}

export function agentsSearchOf(raw: Record<string, unknown>): AgentsSearch {
  return { ...rangeSearchOf(raw), agentId: numbersOf(raw.agentId) };
}
