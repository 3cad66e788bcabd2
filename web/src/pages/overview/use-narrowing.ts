import { useNavigate } from "@tanstack/react-router";
import type { Window } from "@/lib/time-range";
import type { RunsSearch } from "@/pages/runs/search";
import { runsBehind, spanWithin } from "./links";
import type { OverviewSearch } from "./search";

/** What choosing in a chart does: a span becomes the page's window, a bucket leads to its runs. */
export function useNarrowing(search: OverviewSearch, window: Window) {
  const navigate = useNavigate();

  function narrow(start: Date, end: Date) {
    const span = spanWithin(start, end, window);
    if (span) navigate({ to: "/", search: { ...span, agentId: search.agentId } });
  }

  function openRuns(start: Date, end: Date, more: RunsSearch) {
    const span = spanWithin(start, end, window);
    if (span) navigate({ to: "/runs", search: runsBehind({ ...span, agentId: search.agentId }, more) });
  }

  return { narrow, openRuns };
}
