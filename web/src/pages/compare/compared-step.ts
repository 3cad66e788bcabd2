/** Steps as they are compared: without what they carry, but with texts that say whether it is the same. */
import type { Run, RunStatus, Step } from "@/api/shapes";
import { isObject, type JsonObject, writeJson } from "@/components/payload/json";
import { STEP_FIELDS, type StepRow, stepRowOf } from "@/pages/run/steps";

export interface ComparedStep extends StepRow {
  /** As JSON with its keys in order; undefined where it was not loaded. */
  input?: string;
  output?: string;
  error?: string;
}

/** A step, or the whole run, which has more states. */
export type RowSide = Omit<ComparedStep, "status"> & { status: RunStatus };

/** `fields` of the list of steps, without and with what they carry. */
export const FIELDS_BARE = STEP_FIELDS;
export const FIELDS_WHOLE = `${STEP_FIELDS},input,output,error`;

export function comparedStepOf(step: Step, isWhole: boolean): ComparedStep {
  const row = stepRowOf(step);
  if (!isWhole) return row;
  return { ...row, input: ordered(step.input), output: ordered(step.output), error: ordered(step.error) };
}

/** The whole run, as if it were a step. */
export function wholeRunOf(run: Run): RowSide {
  return {
    ...{ id: run.id, parentId: null, index: 0, toolName: null, name: "The whole run", kind: null, model: null },
    ...{ status: run.status, startedAt: run.startedAt, durationMs: run.durationMs, startMs: null, endMs: null },
    ...{ inputTokens: run.inputTokens, outputTokens: run.outputTokens, costUsd: run.costUsd },
    ...{ input: ordered(run.input), output: ordered(run.output), error: ordered(run.error) },
  };
}

/** The same text for values that are the same but for the order of their keys. */
export function ordered(value: unknown): string {
  try {
    return JSON.stringify(value ?? null, (_, one: unknown) =>
      isObject(one) ? Object.fromEntries(entriesOf(one)) : one,
    );
  } catch (error) {
    if (error instanceof RangeError) return writeJson(value); // too deep for the stack: then keys stay as they came
    throw error;
  }
}

export function entriesOf(object: JsonObject): [string, unknown][] {
  return Object.entries(object).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
}
