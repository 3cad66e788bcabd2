/** Steps for tests. */
import { type StepRow, stepRowOf } from "./steps";

export const ORIGIN = Date.parse("2026-03-01T12:00:00Z");

interface Made {
  id: string;
  parentId?: string | null;
  /** Milliseconds after `ORIGIN`; none without. */
  start?: number;
  /** None while it runs. */
  end?: number;
  toolName?: string;
  kind?: StepRow["kind"];
  model?: string;
  status?: StepRow["status"];
  index?: number;
}

export function step({ id, parentId = null, start, end, ...rest }: Made): StepRow {
  return stepRowOf({
    id,
    parentId,
    index: rest.index ?? 0,
    toolName: rest.toolName ?? id,
    name: null,
    kind: rest.kind ?? null,
    model: rest.model ?? null,
    status: rest.status ?? (start !== undefined && end === undefined ? "RUNNING" : "SUCCESS"),
    startedAt: start === undefined ? null : new Date(ORIGIN + start).toISOString(),
    durationMs: start === undefined || end === undefined ? null : end - start,
    inputTokens: null,
    outputTokens: null,
    costUsd: null,
  });
}

/** Groups of a hundred, one after another, as long runs have them. */
export function manySteps(count: number): StepRow[] {
  return Array.from({ length: count }, (_, nth) => {
    const first = nth - (nth % 100);
    const isGroup = nth === first;
    return step({
      id: `s${nth}`,
      parentId: isGroup ? null : `s${first}`,
      start: nth * 10,
      end: isGroup ? (first + 100) * 10 : nth * 10 + 9,
      toolName: isGroup ? "group" : nth % 3 === 0 ? "chat" : "search",
      status: nth % 250 === 7 ? "FAILED" : "SUCCESS",
    });
  });
}
