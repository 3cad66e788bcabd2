import { numbersOf } from "@/lib/search-params";
import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export interface ToolsSearch extends RangeSearch {
  agentId?: number[];
}

export function toolsSearchOf(raw: Record<string, unknown>): ToolsSearch {
  return { ...rangeSearchOf(raw), agentId: numbersOf(raw.agentId) };
}

export type ToolSearch = ToolsSearch;
export const toolSearchOf = toolsSearchOf;
