/** What sets two runs apart, in words. */
import type { Run } from "@/api/shapes";
import { changeOf, formatChange, formatCost, formatCount, formatDuration, plural } from "@/lib/format";
import { stepLabel } from "@/pages/run/steps";
import type { Row } from "./align";

type Outcome = Pick<Run, "status" | "durationMs" | "costUsd" | "inputTokens" | "outputTokens">;

const TOOLS_NAMED_MAX = 4;
const LABEL_CHARS_MAX = 60;

/** Sentences, the most telling first. `rows` are the aligned steps, once they are loaded. */
export function summarise(a: Outcome, b: Outcome, rows: readonly Row[] | undefined): string[] {
  return [
    outcome(a, b),
    ...(rows ? failures(rows) : []),
    duration(a, b),
    spending(a, b),
    ...(rows ? path(rows) : []),
  ].filter((sentence) => sentence !== undefined);
}

const ENDS = {
  SUCCESS: "succeeded",
  FAILED: "failed",
  CANCELLED: "was cancelled",
  RUNNING: "is still running",
  PENDING: "has not started",
} as const;
const BOTH = {
  ...ENDS,
  CANCELLED: "were cancelled",
  RUNNING: "are still running",
  PENDING: "have not started",
} as const;

function outcome(a: Outcome, b: Outcome): string {
  return a.status === b.status ? `Both ${BOTH[a.status]}.` : `A ${ENDS[a.status]}, B ${ENDS[b.status]}.`;
}

function duration(a: Outcome, b: Outcome): string | undefined {
  if (a.durationMs === null || b.durationMs === null) return undefined;
  const difference = b.durationMs - a.durationMs;
  const change = changeOf(b.durationMs, a.durationMs);
  if (Math.abs(difference) < 1 || (change !== undefined && Math.abs(change) < 0.01)) return "Both took about as long.";
  const size = formatDuration(Math.abs(difference));
  return `B took ${size} ${difference > 0 ? "longer" : "less"}${inBrackets(change)}.`;
}

function spending(a: Outcome, b: Outcome): string | undefined {
  const cost = b.costUsd - a.costUsd;
  const tokens = b.inputTokens + b.outputTokens - a.inputTokens - a.outputTokens;
  if (Math.abs(cost) < 1e-9 && tokens === 0) return undefined;
  const withTokens =
    tokens === 0 ? "the same tokens" : `${formatCount(Math.abs(tokens))} ${tokens > 0 ? "more" : "fewer"} tokens`;
  if (Math.abs(cost) < 1e-9) return `B used ${withTokens}.`;
  const change = inBrackets(changeOf(b.costUsd, a.costUsd));
  return `B cost ${formatCost(Math.abs(cost))} ${cost > 0 ? "more" : "less"}${change}, with ${withTokens}.`;
}

function inBrackets(change: number | undefined): string {
  return change === undefined ? "" : ` (${formatChange(change)})`;
}

/** Where each run first failed and the other one did not. */
function failures(rows: readonly Row[]): string[] {
  const inB = rows.find(({ a, b }) => b?.status === "FAILED" && a?.status !== "FAILED");
  const inA = rows.find(({ a, b }) => a?.status === "FAILED" && b?.status !== "FAILED");
  return [inA && failure("A", inA.a, inA.b), inB && failure("B", inB.b, inB.a)].filter((text) => text !== undefined);
}

function failure(name: "A" | "B", step: Row["a"], other: Row["a"]): string | undefined {
  if (!step) return undefined;
  const elsewhere = name === "A" ? "B" : "A";
  return `${name} has a failed step, ${labelOf(stepLabel(step))}, ${
    other ? `which did not fail in ${elsewhere}` : `which ${elsewhere} does not have`
  }.`;
}

function path(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const alone = rows.filter(({ state }) => state === "onlyA" || state === "onlyB").length;
  const changed = rows.filter(({ state }) => state === "changed").length;
  const said = alone === 0 ? [`Both took the same path of ${plural(rows.length, "step")}.`] : [calls(rows)];
  if (changed > 0) said.push(`${plural(changed, "step")} that both have ${changed === 1 ? "differs" : "differ"}.`);
  return said;
}

/** Of which tools one run has more calls than the other. */
function calls(rows: readonly Row[]): string {
  const surplus = new Map<string, number>();
  for (const { a, b, state } of rows) {
    const [step, by] = state === "onlyA" ? [a, -1] : state === "onlyB" ? [b, 1] : [undefined, 0];
    if (step) surplus.set(toolOf(step), (surplus.get(toolOf(step)) ?? 0) + by);
  }
  const all = [...surplus].filter(([, by]) => by !== 0).sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
  if (all.length === 0) return "Both made the same calls, in another order.";
  const named = all
    .slice(0, TOOLS_NAMED_MAX)
    .map(
      ([tool, by], at) =>
        `${formatCount(Math.abs(by))} ${by > 0 ? "more" : "fewer"}${at === 0 ? callsWord(by) : ""} of ${labelOf(tool)}`,
    );
  const rest = all.length - named.length;
  return `B made ${listOf(rest > 0 ? [...named, `others of ${plural(rest, "more tool")}`] : named)}.`;
}

function callsWord(by: number): string {
  return Math.abs(by) === 1 ? " call" : " calls";
}

function listOf(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function toolOf(step: NonNullable<Row["a"]>): string {
  return step.toolName ?? stepLabel(step);
}

function labelOf(text: string): string {
  return text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX)}…` : text;
}
