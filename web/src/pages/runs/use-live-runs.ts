import { useThrottledCallback } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { answer, api } from "@/api/client";
import type { RunSummary } from "@/api/shapes";
import { useRunStream } from "@/lib/live";
import { canFallOut, insertRuns, isUnfinished, takeIn, withNews } from "./run-list";
import { filtersOf, PAGE_ROWS, type RunsSearch, runsQueryOf } from "./search";
import { askForRuns, type RunsList, runsKey } from "./use-runs";

const IDS_MAX = 100;
const LOOK_AGAIN_MS = 3_000;
const HIGHLIGHT_MS = 2_000;
/** A list that is older than this was left and come back to. */
const YOUNG_MS = 3_000;
const CATCH_UP_MS = 2_000;

interface News {
  /** Which list they belong to. */
  key: string;
  fresh: ReadonlyMap<string, RunSummary>;
  /** There are more than these, and only the server knows which. */
  isIncomplete: boolean;
}

interface LiveOptions {
  enabled: boolean;
  /** Whether one looks at the beginning of the list, so that what is put there is seen and moves nothing else. */
  isAtTop: () => boolean;
  toTop: () => void;
}

/** Keeps the list as it is on the server, without moving what one looks at: new runs wait until they are asked for. */
export function useLiveRuns(search: RunsSearch, list: RunsList, { enabled, isAtTop, toTop }: LiveOptions) {
  const sort = search.sort ?? "time";
  const key = JSON.stringify(runsKey(search));
  const [kept, setNews] = useState<News>({ key, fresh: new Map(), isIncomplete: false });
  const news = kept.key === key ? kept : { key, fresh: new Map<string, RunSummary>(), isIncomplete: false };
  const [changed, highlight] = useHighlights();
  const isReady = list.query.data !== undefined && !list.query.isPlaceholderData;
  const shownKey = useRef(key);
  useEffect(() => {
    shownKey.current = key;
  }, [key]);

  const forget = () => setNews({ key, fresh: new Map(), isIncomplete: false });
  const addNews = (runs: readonly RunSummary[], isIncomplete: boolean) =>
    setNews((old) => {
      const before = old.key === key ? old : { fresh: new Map<string, RunSummary>(), isIncomplete: false };
      const { fresh, isFull } = withNews(before.fresh, runs);
      return { key, fresh, isIncomplete: isIncomplete || isFull || before.isIncomplete };
    });

  const take = (runs: readonly RunSummary[]) => {
    const pages = list.read();
    // What was asked for before another list was chosen comes too late.
    if (pages === undefined || shownKey.current !== key) return;
    const found = takeIn(pages, runs, sort);
    if (found.changed.length > 0) {
      list.change((old) => takeIn(old, runs, sort).pages);
      highlight(found.changed);
    }
    if (found.fresh.length === 0) return;
    if (pages.some((page) => page.items.length > 0)) addNews(found.fresh, false);
    else {
      list.change((old) => insertRuns(old, found.fresh));
      highlight(found.fresh.map((run) => run.id));
    }
  };

  const asked = useMutation({
    mutationFn: () => askForRuns(search, { limit: PAGE_ROWS }),
    onSuccess: (page) => {
      list.replace(page);
      forget();
      toTop();
    },
  });
  const refresh = () => asked.mutate();
  /** A first look at a list that was kept, or a second one at a list of which changes were not told. */
  const catchUp = async () => {
    const before = list.read();
    const isOld = Date.now() - list.query.dataUpdatedAt > YOUNG_MS;
    const page = await askForRuns(search, { limit: PAGE_ROWS });
    if (before === undefined || shownKey.current !== key) return;
    if (isOld && isAtTop() && before.length === 1 && page.items.length > 0) {
      list.replace(page);
      forget();
      return;
    }
    take(page.items);
    const shown = new Set(before.flatMap((one) => one.items.map((run) => run.id)));
    if (page.nextCursor !== null && !page.items.some((run) => shown.has(run.id))) addNews([], true);
  };
  // The list that is there stays if nothing answers, and the stream says itself that the server is away.
  const catchUpQuietly = () => void catchUp().catch(() => undefined);
  const catchUpSoon = useThrottledCallback(catchUpQuietly, CATCH_UP_MS);

  // What the stream is asked for must not change while the list does not, though its window moves.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the search
  const streamFilters = useMemo(() => runsQueryOf(search, Date.now()), [key]);
  const state = useRunStream(streamFilters, {
    enabled: enabled && isReady,
    onRuns: take,
    onMissed: catchUpSoon,
    onGap: catchUpSoon,
  });
  useUnfinished(search, list.rows, enabled && isReady, take);

  const showNews = () => {
    if (news.isIncomplete || sort !== "time") {
      refresh();
      return;
    }
    const fresh = [...news.fresh.values()];
    list.change((old) => insertRuns(old, fresh));
    highlight(fresh.map((run) => run.id));
    forget();
    toTop();
  };
  return { state, changed, news, showNews, refresh, isRefreshing: asked.isPending, refreshError: asked.error };
}

/** Rows that just changed, for as long as one is to see it. */
function useHighlights() {
  const [changed, setChanged] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (changed.size === 0) return;
    const timer = setTimeout(() => setChanged(new Set()), HIGHLIGHT_MS);
    return () => clearTimeout(timer);
  }, [changed]);
  const highlight = (ids: readonly string[]) => setChanged((old) => new Set([...old, ...ids]));
  return [changed, highlight] as const;
}

/** The stream is silent on runs that no longer pass the filters: those that are not finished are asked for by id. */
function useUnfinished(
  search: RunsSearch,
  rows: readonly RunSummary[],
  enabled: boolean,
  take: (runs: readonly RunSummary[]) => void,
): void {
  const ids = rows
    .filter(isUnfinished)
    .slice(0, IDS_MAX)
    .map((run) => run.id);
  const { data } = useQuery({
    queryKey: ["runs", "unfinished", ids],
    queryFn: ({ signal }) => answer(api.GET("/v1/runs", { params: { query: { id: ids, limit: IDS_MAX } }, signal })),
    enabled: enabled && ids.length > 0 && canFallOut(filtersOf(search)),
    refetchInterval: LOOK_AGAIN_MS,
  });
  const heard = useEffectEvent(take);
  useEffect(() => {
    if (data) heard(data.items);
  }, [data]);
}
