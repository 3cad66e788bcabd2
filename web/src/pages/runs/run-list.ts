/** The pages of the list that are loaded, and what changes in them while one looks. */
import type { components } from "@/api/schema";
import type { RunSummary } from "@/api/shapes";
import type { RunFilters, RunSort } from "./search";

export type RunPage = components["schemas"]["FoundRunPage"];

/** All rows; a run that moved between two pages while they were loaded stands once. */
export function rowsOf(pages: readonly RunPage[]): RunSummary[] {
  const found = new Map<string, RunSummary>();
  for (const run of pages.flatMap((page) => page.items)) if (!found.has(run.id)) found.set(run.id, run);
  return [...found.values()];
}

export interface Arrivals {
  pages: RunPage[];
  /** Rows that are shown and changed. */
  changed: string[];
  /** Runs that belong above or between the rows that are shown. */
  fresh: RunSummary[];
}

/**
 * Runs that the stream told of, sorted into what is shown and what is new.
 *
 * Rows that are shown change in place. A run that started before the last row belongs to a page that is not loaded yet.
 */
export function takeIn(pages: readonly RunPage[], told: readonly RunSummary[], sort: RunSort): Arrivals {
  const news = new Map(told.map((run) => [run.id, run]));
  const shown = new Map(pages.flatMap((page) => page.items).map((run) => [run.id, run]));
  const changed = [...news.values()].filter((run) => {
    const old = shown.get(run.id);
    return old !== undefined && !isSame(old, run);
  });
  const changedIds = new Set(changed.map((run) => run.id));
  const last = pages.at(-1);
  const end = last?.nextCursor == null ? undefined : last.items.at(-1);
  const fresh = [...news.values()].filter((run) => {
    if (shown.has(run.id)) return false;
    return sort !== "time" || end === undefined || byTime(run, end) < 0;
  });
  const replaced = pages.map((page) =>
    page.items.some((run) => changedIds.has(run.id))
      ? { ...page, items: page.items.map((run) => (changedIds.has(run.id) ? (news.get(run.id) ?? run) : run)) }
      : page,
  );
  return { pages: replaced, changed: [...changedIds], fresh };
}

/** The list with new runs in their places, the latest start first. */
export function insertRuns(pages: readonly RunPage[], runs: readonly RunSummary[]): RunPage[] {
  const ids = new Set(runs.map((run) => run.id));
  const left = [...runs].sort(byTime);
  return pages.map((page, number) => {
    const items = page.items.filter((run) => !ids.has(run.id));
    const end = items.at(-1);
    const isLast = number === pages.length - 1;
    const fits = isLast || end === undefined ? left.length : left.filter((run) => byTime(run, end) < 0).length;
    return { ...page, items: [...items, ...left.splice(0, fits)].sort(byTime) };
  });
}

/** The order of the server: the latest start first, equal ones by id, the largest first. */
function byTime(a: RunSummary, b: RunSummary): number {
  const [first, second] = [Date.parse(a.startedAt), Date.parse(b.startedAt)];
  if (first !== second) return second - first;
  return a.startedAt === b.startedAt ? (a.id < b.id ? 1 : -1) : a.startedAt < b.startedAt ? 1 : -1;
}

function isSame(a: RunSummary, b: RunSummary): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Whether a run that was found by these filters still would be, as far as its row tells.
 *
 * The stream does not tell of runs that no longer pass: rows that are not finished are asked for by their ids.
 */
export function stillPasses(run: RunSummary, filters: RunFilters): boolean {
  const { status, minDurationMs, maxDurationMs, minCostUsd, maxCostUsd, hasError, stale } = filters;
  if (status && !status.includes(run.status)) return false;
  if (stale !== undefined && run.stale !== stale) return false;
  // An error of the run itself is not in its row.
  if (hasError === false && run.errorCount > 0) return false;
  if (minDurationMs !== undefined && run.durationMs !== null && run.durationMs < minDurationMs) return false;
  if (maxDurationMs !== undefined && run.durationMs !== null && run.durationMs > maxDurationMs) return false;
  if (minCostUsd !== undefined && run.costUsd < minCostUsd) return false;
  return maxCostUsd === undefined || run.costUsd <= maxCostUsd;
}

/** Whether a run can fall out of what these filters let through while it goes on. */
export function canFallOut(filters: RunFilters): boolean {
  const { status, maxDurationMs, maxCostUsd, hasError, stale } = filters;
  return [status, maxDurationMs, maxCostUsd, stale].some((one) => one !== undefined) || hasError === false;
}

export function isUnfinished(run: RunSummary): boolean {
  return run.status === "RUNNING" || run.status === "PENDING";
}

/** New runs that wait to be asked for: more than a page or two are better loaded anew. */
const NEWS_MAX = 200;

/** `isFull` says that there are more than could be kept. */
export function withNews(
  before: ReadonlyMap<string, RunSummary>,
  runs: readonly RunSummary[],
): { fresh: ReadonlyMap<string, RunSummary>; isFull: boolean } {
  const fresh = new Map(before);
  for (const run of runs) {
    if (fresh.has(run.id) || fresh.size < NEWS_MAX) fresh.set(run.id, run);
  }
  return { fresh, isFull: runs.some((run) => !fresh.has(run.id)) };
}
