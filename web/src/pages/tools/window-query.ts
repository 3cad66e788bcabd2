/** Questions about the window of a page. */
import { queryOptions } from "@tanstack/react-query";
import { DEFAULT_RANGE, isMoving, type Window, windowOf } from "@/lib/time-range";
import type { OverviewSearch } from "@/pages/overview/search";

const REFRESH_MS = 30_000;

/**
 * Asked of the window as it then is, and anew while that moves on.
 *
 * The key bears the window as the URL has it: what is shown stays while the same question is asked again.
 */
export function windowQuery<Found>(
  key: readonly unknown[],
  { range, from, to }: OverviewSearch,
  ask: (window: Window, signal: AbortSignal) => Promise<Found>,
) {
  return queryOptions({
    queryKey: ["window", { range, from, to }, ...key],
    queryFn: ({ signal }) => ask(windowOf({ range, from, to }, Date.now(), DEFAULT_RANGE), signal),
    refetchInterval: isMoving({ range, from, to }) ? REFRESH_MS : false,
  });
}
