/** What the page asks: all of one window, and anew while that moves on. */
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { DEFAULT_RANGE, isMoving, type Window, windowOf } from "@/lib/time-range";
import { useNow } from "@/lib/use-now";
import type { OverviewSearch } from "./search";

export const REFRESH_MS = 30_000;
const TOOLS = 7;
const ERRORS = 7;
const MODELS = 7;

type Asked = Window & { agentId?: number[] };

export function useFigures(search: OverviewSearch) {
  const now = useNow(REFRESH_MS);
  const asked: Asked = { ...windowOf(search, now, DEFAULT_RANGE), agentId: search.agentId };
  const refetchInterval = isMoving(search) ? REFRESH_MS : false;
  const summary = useQuery({
    queryKey: ["metrics", "summary", asked],
    queryFn: ({ signal }) => answer(api.GET("/v1/metrics/summary", { params: { query: asked }, signal })),
    refetchInterval,
  });
  const timeseries = useQuery({
    queryKey: ["metrics", "timeseries", asked],
    queryFn: ({ signal }) => answer(api.GET("/v1/metrics/timeseries", { params: { query: asked }, signal })),
    refetchInterval,
  });
  const tools = useQuery({
    queryKey: ["metrics", "tools", "failing", asked],
    queryFn: ({ signal }) => answer(api.GET("/v1/metrics/tools", { params: { query: toolsAsked(asked) }, signal })),
    refetchInterval,
  });
  const models = useQuery({
    queryKey: ["metrics", "models", asked],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/metrics/models", { params: { query: { ...asked, limit: MODELS } }, signal })),
    refetchInterval,
  });
  return { asked, summary, timeseries, tools, models };
}

function toolsAsked(asked: Asked) {
  return { ...asked, sort: "failing" as const, limit: 1, top: TOOLS, errors: ERRORS };
}

/** The latest run of all, to tell an empty window from an empty project. Asked for only where a window is empty. */
export function useLatestRun(isAsked: boolean) {
  return useQuery({
    queryKey: ["runs", "latest"],
    queryFn: ({ signal }) => answer(api.GET("/v1/runs", { params: { query: { limit: 1 } }, signal })),
    enabled: isAsked,
    refetchInterval: REFRESH_MS / 3,
    select: (page) => page.items[0] ?? null,
  });
}
