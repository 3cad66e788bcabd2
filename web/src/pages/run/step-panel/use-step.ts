import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { answer, api } from "@/api/client";
import type { Run } from "@/api/shapes";
import type { StepRow } from "../steps";

/** A step with its payloads. One that goes on is asked for again whenever its run has news. */
export function useStep(run: Run, row: StepRow) {
  const query = useQuery({
    queryKey: ["step", run.id, row.id],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/v1/runs/{run_id}/steps/{step_id}", { params: { path: { run_id: run.id, step_id: row.id } }, signal }),
      ),
    // Another step's payloads would be taken for this one's.
    placeholderData: undefined,
  });
  const { data, refetch } = query;
  const isOver = data !== undefined && data.status !== "RUNNING" && data.status === row.status;
  const newsAt = useRef(run.lastEventAt);
  useEffect(() => {
    if (newsAt.current === run.lastEventAt) return;
    newsAt.current = run.lastEventAt;
    if (!isOver) refetch();
  }, [run.lastEventAt, isOver, refetch]);
  return query;
}
