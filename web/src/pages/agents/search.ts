import { flagOf, oneOf, textOf, textsOf } from "@/lib/search-params";
import { type OverviewSearch, overviewSearchOf } from "@/pages/overview/search";

export const AGENT_SORTS = [
  "name",
  "runs",
  "success",
  "failed",
  "inFlight",
  "duration",
  "steps",
  "stepErrors",
  "tokens",
  "cost",
] as const;
export type AgentSort = (typeof AGENT_SORTS)[number];
export const DEFAULT_SORT: AgentSort = "runs";

export interface AgentsSearch extends OverviewSearch {
  sort?: AgentSort;
  /** The other way round than a column is sorted at first. */
  reverse?: true;
  /** Names of agents whose versions are shown. */
  open?: string[];
}

export function agentsSearchOf(raw: Record<string, unknown>): AgentsSearch {
  const sort = oneOf(raw.sort, AGENT_SORTS);
  return {
    ...overviewSearchOf(raw),
    sort: sort === DEFAULT_SORT ? undefined : sort,
    reverse: flagOf(raw.reverse) || undefined,
    open: textsOf(raw.open),
  };
}

/** Of the agents' ids the first counts: the version that is shown alone. */
export interface AgentSearch extends OverviewSearch {
  /** The agent's name where an address cannot hold it. */
  name?: string;
}

export function agentSearchOf(raw: Record<string, unknown>): AgentSearch {
  return { ...overviewSearchOf(raw), name: textOf(raw.name) };
}
