/** What the URL of the list says: the filters as the API takes them, and how the list is shown. */
import { RUN_STATUSES, type RunStatus } from "@/api/shapes";
import { flagOf, numberOf, numbersOf, oneOf, someOf, textOf, textsOf } from "@/lib/search-params";
import { isMoving, type RangeSearch, rangeSearchOf, windowOf } from "@/lib/time-range";

export const RUN_SORTS = ["time", "duration", "cost", "steps"] as const;
export type RunSort = (typeof RUN_SORTS)[number];

/** Filters that stand as chips; the window of time has a picker of its own. */
export interface RunFilters {
  agentId?: number[];
  agentName?: string;
  agentVersion?: string;
  status?: RunStatus[];
  userId?: number;
  sessionId?: string;
  minDurationMs?: number;
  maxDurationMs?: number;
  minCostUsd?: number;
  maxCostUsd?: number;
  hasError?: boolean;
  stale?: boolean;
  tool?: string[];
  model?: string[];
  tag?: string[];
  metric?: string[];
  q?: string;
}

export interface RunsSearch extends RangeSearch, RunFilters {
  sort?: RunSort;
  /** Keys of columns with commas between them; without it those that most want. */
  columns?: string;
  /** `false`: the list stays as it is. */
  live?: false;
  /** How many rows are loaded, if that is more than a page: so that a reload comes back to the same place. */
  rows?: number;
  /** Runs that are to be compared. */
  pick?: string[];
}

export const PAGE_ROWS = 50;
export const ROWS_MAX = 1000;

export function runsSearchOf(raw: Record<string, unknown>): RunsSearch {
  const [sort, rows] = [oneOf(raw.sort, RUN_SORTS), numberOf(raw.rows) ?? 0];
  return {
    ...rangeSearchOf(raw),
    ...runFiltersOf(raw),
    sort: sort === "time" ? undefined : sort,
    columns: textOf(raw.columns),
    live: flagOf(raw.live) === false ? false : undefined,
    rows: rows > PAGE_ROWS ? Math.min(Math.round(rows), ROWS_MAX) : undefined,
    pick: textsOf(raw.pick)?.slice(0, 2),
  };
}

export function runFiltersOf(raw: Record<string, unknown>): RunFilters {
  return {
    agentId: numbersOf(raw.agentId),
    agentName: textOf(raw.agentName),
    agentVersion: textOf(raw.agentVersion),
    status: someOf(raw.status, RUN_STATUSES),
    userId: numberOf(raw.userId),
    sessionId: textOf(raw.sessionId),
    minDurationMs: numberOf(raw.minDurationMs),
    maxDurationMs: numberOf(raw.maxDurationMs),
    minCostUsd: numberOf(raw.minCostUsd),
    maxCostUsd: numberOf(raw.maxCostUsd),
    hasError: flagOf(raw.hasError),
    stale: flagOf(raw.stale),
    tool: textsOf(raw.tool),
    model: textsOf(raw.model),
    tag: textsOf(raw.tag),
    metric: textsOf(raw.metric),
    q: textOf(raw.q),
  };
}

/** The filters of a URL, and nothing else of it. */
export function filtersOf(search: RunsSearch): RunFilters {
  const { range: _range, from: _from, to: _to, sort: _sort, columns: _columns, ...rest } = search;
  const { live: _live, rows: _rows, pick: _pick, ...filters } = rest;
  return filters;
}

export function hasFilters(search: RunsSearch): boolean {
  return [...Object.values(filtersOf(search)), search.range, search.from].some((value) => value !== undefined);
}

/**
 * The parameters of the API for what the URL says, as of `now`.
 *
 * A window that moves has no end: whatever starts from now on belongs to it.
 */
export function runsQueryOf(search: RunsSearch, now: number): RunFilters & { from?: string; to?: string } {
  const { from, to } = windowOf(search, now);
  const filters = filtersOf(search);
  if (!isMoving(search)) return { ...filters, from, to };
  return search.range ? { ...filters, from } : filters;
}
