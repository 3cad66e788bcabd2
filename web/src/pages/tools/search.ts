import { flagOf, oneOf, textOf } from "@/lib/search-params";
import { type OverviewSearch, overviewSearchOf } from "@/pages/overview/search";

/** What the server sorts by: p95, failures, calls. */
export const TOOL_SORTS = ["slowest", "failing", "calls"] as const;
export type ToolSort = (typeof TOOL_SORTS)[number];
export const DEFAULT_SORT: ToolSort = "slowest";

export interface ToolsSearch extends OverviewSearch {
  sort?: ToolSort;
  /** As many tools as the server tells of. */
  all?: true;
}

export function toolsSearchOf(raw: Record<string, unknown>): ToolsSearch {
  const sort = oneOf(raw.sort, TOOL_SORTS);
  return {
    ...overviewSearchOf(raw),
    sort: sort === DEFAULT_SORT ? undefined : sort,
    all: flagOf(raw.all) || undefined,
  };
}

export interface ToolSearch extends OverviewSearch {
  /** The tool's name where an address cannot hold it. */
  name?: string;
  /** Steps without a tool, whatever the address names. */
  untooled?: true;
}

export function toolSearchOf(raw: Record<string, unknown>): ToolSearch {
  return { ...overviewSearchOf(raw), name: textOf(raw.name), untooled: flagOf(raw.untooled) || undefined };
}
