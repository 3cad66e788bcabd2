import { useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { RunSummary } from "@/api/shapes";
import { useRunStream } from "@/lib/live";
import { RUNS_MAX } from "./search";
import { withRuns } from "./totals";

export interface SessionRuns {
  sessionId: string;
  /** The latest first. */
  items: RunSummary[];
  nextCursor: string | null;
}

/** A session's latest runs, as they change. */
export function useSessionRuns(sessionId: string) {
  const client = useQueryClient();
  const queryKey = ["session runs", sessionId];
  const query = useQuery<SessionRuns>({
    queryKey,
    // By the filter, as a path could not hold every id; and the latest are wanted where there are very many.
    queryFn: async ({ signal }) => {
      const params = { query: { sessionId, limit: RUNS_MAX } };
      return { sessionId, ...(await answer(api.GET("/v1/runs", { params, signal }))) };
    },
    placeholderData: undefined,
  });
  const reload = () => client.invalidateQueries({ queryKey });
  const state = useRunStream(
    { sessionId },
    {
      onRuns: (runs) =>
        client.setQueryData<SessionRuns>(queryKey, (old) => old && { ...old, items: withRuns(old.items, runs) }),
      onMissed: reload,
      onGap: reload,
    },
  );
  return { query, state };
}

/** What went into a run and came out of it: loaded when it is looked at, and again when it ended. */
export function useTurn(run: RunSummary, isSeen: boolean) {
  return useQuery({
    queryKey: ["run", "turn", run.id, run.status],
    queryFn: ({ signal }) => {
      const params = { path: { run_id: run.id }, query: { steps: false } };
      return answer(api.GET("/v1/runs/{run_id}", { params, signal }));
    },
    enabled: isSeen,
    staleTime: 60_000,
  });
}
