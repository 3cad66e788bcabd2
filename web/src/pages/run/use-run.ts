/** A run and its steps, kept up to date while it goes on. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { answer, api } from "@/api/client";
import type { Run } from "@/api/shapes";
import { useRunStream } from "@/lib/live";
import { isUnderWay } from "./layout";
import { type LoadedSteps, StepLoader } from "./step-loader";
import type { StepPage } from "./step-pages";
import { STEP_FIELDS, stepRowOf } from "./steps";

const PAGE_STEPS = 1000;
const REFRESH_MS = 1000;
const POLL_MS = 5000;
/** After its end a run may still be told of for so long. */
const AFTERMATH_MS = 5 * 60_000;

export function useRun(runId: string, waitSeconds: number | undefined) {
  return useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/runs/{run_id}", {
          params: { path: { run_id: runId }, query: { steps: false, payloads: false, wait: waitSeconds } },
          signal,
        }),
      ),
    placeholderData: undefined,
  });
}

/** What the run itself got, gave and met; asked for only when somebody wants to see it. */
export function useRunPayloads(runId: string, isWanted: boolean) {
  return useQuery({
    queryKey: ["run", runId, "payloads"],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/runs/{run_id}", { params: { path: { run_id: runId }, query: { steps: false } }, signal })),
    enabled: isWanted,
    placeholderData: undefined,
  });
}

export async function fetchStepPage(runId: string, cursor: string | undefined, signal: AbortSignal): Promise<StepPage> {
  const page = await answer(
    api.GET("/v1/runs/{run_id}/steps", {
      params: { path: { run_id: runId }, query: { payloads: false, limit: PAGE_STEPS, fields: STEP_FIELDS, cursor } },
      signal,
    }),
  );
  return { cursor, nextCursor: page.nextCursor, steps: page.items.map(stepRowOf) };
}

/** A step whose page is still to come: a link leads to it, and nobody wants to wait for all before it. */
export function useLoneStep(runId: string, stepId: string, isWanted: boolean) {
  return useQuery({
    queryKey: ["step", runId, stepId],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/runs/{run_id}/steps/{step_id}", {
          params: { path: { run_id: runId, step_id: stepId } },
          signal,
        }),
      ),
    enabled: isWanted,
    select: stepRowOf,
    placeholderData: undefined,
  });
}

export interface RunSteps extends LoadedSteps {
  refresh: (everything?: boolean) => void;
}

export function useRunSteps(runId: string): RunSteps {
  const loader = useMemo(() => new StepLoader((cursor, signal) => fetchStepPage(runId, cursor, signal)), [runId]);
  useEffect(() => {
    loader.start();
    return () => loader.stop();
  }, [loader]);
  const loaded = useSyncExternalStore(loader.subscribe, loader.loaded);
  const refresh = useCallback((everything?: boolean) => loader.refresh(everything), [loader]);
  return { ...loaded, refresh };
}

/** Looks again at what can have changed, whenever the server tells of a change, or every few seconds where it cannot tell. */
export function useLiveRun(run: Run, { steps, isComplete, refresh }: RunSteps): void {
  const client = useQueryClient();
  const update = useCallback(() => {
    client.invalidateQueries({ queryKey: ["run", run.id] });
    refresh();
  }, [client, run.id, refresh]);
  const [opened] = useState(Date.now);
  // A run that went silent counts as failed until it is heard of again.
  const isLive = isUnderWay(run) || run.stale || opened - Date.parse(run.lastEventAt) < AFTERMATH_MS;
  const isHeard = useRunNews(run.id, isLive, update);
  useEffect(() => {
    if (!isUnderWay(run) || isHeard) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") update(); // the stream tells what a hidden tab has missed
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [run, isHeard, update]);

  // Steps that came in between others are seen by nobody who asks for the last page only.
  const reloadedAt = useRef(-1);
  useEffect(() => {
    if (!isComplete || run.stepCount <= steps.length || reloadedAt.current === run.stepCount) return;
    const timer = setTimeout(() => {
      reloadedAt.current = run.stepCount;
      refresh(true);
    }, 2 * REFRESH_MS);
    return () => clearTimeout(timer);
  }, [isComplete, run.stepCount, steps.length, refresh]);
}

/** Calls back when the run changed, at most once a second. Answers whether the server can be heard. */
function useRunNews(runId: string, isWanted: boolean, onNews: () => void): boolean {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  const tell = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      onNews();
    }, REFRESH_MS);
  };
  return useRunStream({ id: [runId] }, { enabled: isWanted, onRuns: tell, onMissed: tell, onGap: tell }) === "live";
}
