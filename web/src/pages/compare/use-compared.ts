/** Both runs and their steps, as they are loaded. */
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { Run } from "@/api/shapes";
import { type ComparedStep, comparedStepOf, FIELDS_BARE, FIELDS_WHOLE } from "./compared-step";

/** With no more steps than this in each run, inputs and outputs of all are loaded and compared. */
export const WHOLE_STEPS_MAX = 300;
/** Of longer runs the first steps are compared. */
export const STEPS_MAX = 60_000;
const PAGE_STEPS = 1000;
const RUNNING_MS = 4_000;

export function useRun(id: string | undefined) {
  return useQuery({
    queryKey: ["run", "compared", id],
    queryFn: ({ signal }) => {
      const params = { path: { run_id: id ?? "" }, query: { steps: false } };
      return answer(api.GET("/v1/runs/{run_id}", { params, signal }));
    },
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data?.status === "RUNNING" ? RUNNING_MS : false),
    // Another run is no placeholder for this one.
    placeholderData: undefined,
  });
}

export interface ComparedSteps {
  runId: string;
  steps: ComparedStep[];
  /** Whether there are more than these. */
  isCut: boolean;
}

/** The steps of a run, anew when something of it changed. */
export function useComparedSteps(run: Run | undefined, isWhole: boolean) {
  return useQuery<ComparedSteps>({
    queryKey: ["steps", "compared", run?.id, isWhole, run?.lastEventAt, run?.stepCount],
    queryFn: ({ signal }) => loadSteps(run?.id ?? "", isWhole, signal),
    enabled: run !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // Of a run that goes on each look has a key of its own, and all of its steps.
    gcTime: 10_000,
    placeholderData: (before) => (before?.runId === run?.id ? before : undefined),
  });
}

async function loadSteps(runId: string, isWhole: boolean, signal: AbortSignal): Promise<ComparedSteps> {
  const steps: ComparedStep[] = [];
  let cursor: string | null | undefined;
  do {
    const query = { limit: PAGE_STEPS, cursor, payloads: isWhole, fields: isWhole ? FIELDS_WHOLE : FIELDS_BARE };
    const params = { path: { run_id: runId }, query };
    const page = await answer(api.GET("/v1/runs/{run_id}/steps", { params, signal }));
    for (const step of page.items) steps.push(comparedStepOf(step, isWhole));
    cursor = page.nextCursor;
  } while (cursor && steps.length < STEPS_MAX);
  return { runId, steps, isCut: Boolean(cursor) };
}

/** A step with all it has; for the chosen row only. */
export function useWholeStep(runId: string, stepId: string | undefined) {
  return useQuery({
    queryKey: ["step", runId, stepId],
    queryFn: ({ signal }) => {
      const params = { path: { run_id: runId, step_id: stepId ?? "" } };
      return answer(api.GET("/v1/runs/{run_id}/steps/{step_id}", { params, signal }));
    },
    enabled: stepId !== undefined,
    placeholderData: undefined,
  });
}
