import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { answer, api } from "@/api/client";
import { type RunPage, rowsOf } from "./run-list";
import { filtersOf, PAGE_ROWS, type RunsSearch, runsQueryOf } from "./search";

/** As long as one may be at a run before coming back to the same list. */
const KEPT_MS = 30 * 60_000;

export interface LoadedPages {
  pages: RunPage[];
  pageParams: (string | undefined)[];
}

export function runsKey(search: RunsSearch) {
  const { range, from, to, sort } = search;
  return ["runs", "list", { ...filtersOf(search), range, from, to, sort }] as const;
}

export function askForRuns(search: RunsSearch, page: { limit: number; cursor?: string }, signal?: AbortSignal) {
  const query = { ...runsQueryOf(search, Date.now()), sort: search.sort ?? "time", ...page };
  return answer(api.GET("/v1/runs", { params: { query }, signal }));
}

/**
 * The pages of the list that were asked for so far.
 *
 * They are kept as they are, so that one comes back to the same rows in the same places; what changes is told by the
 * stream, or asked for.
 */
export function useRuns(search: RunsSearch) {
  const client = useQueryClient();
  const queryKey = runsKey(search);
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      askForRuns(
        search,
        pageParam === undefined
          ? { limit: Math.max(PAGE_ROWS, search.rows ?? 0) }
          : { limit: PAGE_ROWS, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined, // the type of those that follow
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const pages = query.data?.pages;
  const rows = useMemo(() => rowsOf(pages ?? []), [pages]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage, isFetchNextPageError } = query;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage, isFetchNextPageError]);
  const read = () => client.getQueryData<LoadedPages>(queryKey)?.pages;
  const change = (pagesOf: (pages: RunPage[]) => RunPage[]) =>
    client.setQueryData<LoadedPages>(queryKey, (old) => old && { ...old, pages: pagesOf(old.pages) });
  const replace = (page: RunPage) =>
    client.setQueryData<LoadedPages>(queryKey, { pages: [page], pageParams: [undefined] });
  return { query, rows, loadMore, read, change, replace };
}

export type RunsList = ReturnType<typeof useRuns>;
