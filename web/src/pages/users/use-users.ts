import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import type { RunSummary } from "@/api/shapes";
import { isMoving, type RangeName, type RangeSearch, type Window, windowOf } from "@/lib/time-range";
import { useNow } from "@/lib/use-now";

export type UserFigures = components["schemas"]["UserFigures"];

export const RANGE_OTHERWISE: RangeName = "7d";
export const USERS_MAX = 200;
/** Of a user's runs the latest so many are looked at. */
export const RUNS_MAX = 1000;
const REFRESH_MS = 30_000;

export function useWindow(search: RangeSearch): { window: Window; refetchInterval: number | false } {
  const window = windowOf(search, useNow(60_000), RANGE_OTHERWISE);
  return { window, refetchInterval: isMoving(search) ? REFRESH_MS : false };
}

export function useUserFigures(search: RangeSearch) {
  const { window, refetchInterval } = useWindow(search);
  return useQuery({
    queryKey: ["users", "figures", window],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/metrics/users", { params: { query: { ...window, limit: USERS_MAX } }, signal })),
    refetchInterval,
  });
}

export interface UserRuns {
  userId: number;
  window: Window;
  /** The latest first. */
  items: RunSummary[];
  nextCursor: string | null;
}

export function useUserRuns(userId: number, search: RangeSearch) {
  const { window, refetchInterval } = useWindow(search);
  return useQuery<UserRuns>({
    queryKey: ["users", "runs", userId, window],
    queryFn: async ({ signal }) => {
      const params = { query: { userId, ...window, limit: RUNS_MAX } };
      return { userId, window, ...(await answer(api.GET("/v1/runs", { params, signal }))) };
    },
    refetchInterval,
    placeholderData: (before) => (before?.userId === userId ? before : undefined),
  });
}
