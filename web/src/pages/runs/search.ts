import { numbersOf } from "@/lib/search-params";
import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export interface RunsSearch extends RangeSearch {
  agentId?: number[];
}

export function runsSearchOf(raw: Record<string, unknown>): RunsSearch {
  return { ...rangeSearchOf(raw), agentId: numbersOf(raw.agentId) };
}
