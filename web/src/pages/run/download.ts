import { answer, api } from "@/api/client";
import type { Run, Step } from "@/api/shapes";

const PAGE_STEPS = 1000;

/** The whole run as the API has it, with all its steps and payloads, as JSON. */
export async function downloadRun(runId: string, signal: AbortSignal, onSteps: (steps: number) => void): Promise<Blob> {
  const {
    steps: _,
    nextStepsCursor: __,
    ...run
  } = await answer(
    api.GET("/v1/runs/{run_id}", { params: { path: { run_id: runId }, query: { steps: false } }, signal }),
  );
  const parts: string[] = [JSON.stringify(run satisfies Run).replace(/\}$/, ',"steps":[')];
  let [cursor, count]: [string | null, number] = [null, 0];
  do {
    const page: { items: Step[]; nextCursor: string | null } = await answer(
      api.GET("/v1/runs/{run_id}/steps", {
        params: { path: { run_id: runId }, query: { limit: PAGE_STEPS, cursor } },
        signal,
      }),
    );
    for (const step of page.items) parts.push(`${count++ === 0 ? "" : ","}\n${JSON.stringify(step)}`);
    onSteps(count);
    cursor = page.nextCursor;
  } while (cursor !== null);
  parts.push("]}\n");
  return new Blob(parts, { type: "application/json" });
}

export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
