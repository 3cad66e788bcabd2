/** Steps as the tree and the waterfall need them: without payloads, with their times as numbers. */
import type { Step } from "@/api/shapes";

const FIELDS = [
  "id",
  "parentId",
  "index",
  "toolName",
  "name",
  "kind",
  "model",
  "status",
  "startedAt",
  "durationMs",
  "inputTokens",
  "outputTokens",
  "costUsd",
] as const satisfies readonly (keyof Step)[];

/** What `fields` of the list of steps asks for. */
export const STEP_FIELDS = FIELDS.join(",");

type ListedStep = Pick<Step, (typeof FIELDS)[number]>;

export interface StepRow extends ListedStep {
  /** Milliseconds since the epoch, with fractions; null where the step does not say. */
  startMs: number | null;
  /** Null while it runs, and where the step does not say. */
  endMs: number | null;
}

export function stepRowOf(step: ListedStep): StepRow {
  const startMs = step.startedAt === null ? null : epochMs(step.startedAt);
  return {
    id: step.id,
    parentId: step.parentId,
    index: step.index,
    toolName: step.toolName,
    name: step.name,
    kind: step.kind,
    model: step.model,
    status: step.status,
    startedAt: step.startedAt,
    durationMs: step.durationMs,
    inputTokens: step.inputTokens,
    outputTokens: step.outputTokens,
    costUsd: step.costUsd,
    startMs,
    endMs: startMs === null || step.durationMs === null ? null : startMs + step.durationMs,
  };
}

/** As `Date.parse`, with the digits below a millisecond, that short steps do not all seem to start at once. */
export function epochMs(text: string): number | null {
  const whole = Date.parse(text);
  if (Number.isNaN(whole)) return null;
  const digits = /\.\d{3}(\d+)/.exec(text)?.[1];
  return digits === undefined ? whole : whole + Number(`0.${digits}`);
}

/** What a step is called where there is room for a few words. */
export function stepLabel(step: Pick<StepRow, "name" | "toolName" | "kind" | "id">): string {
  return step.name || step.toolName || step.kind?.toLowerCase() || step.id;
}

/** Whether two rows would look the same. */
export function isSameStep(one: StepRow, other: StepRow): boolean {
  return FIELDS.every((field) => one[field] === other[field]);
}
