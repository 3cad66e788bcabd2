/** Whether the agents are fine, in a sentence. */
import type { FiguresSummary } from "@/api/shapes";
import { formatDuration, formatPercent, plural } from "@/lib/format";

export type Mood = "good" | "watch" | "bad" | "quiet";

export interface Verdict {
  mood: Mood;
  title: string;
  /** What it rests on. */
  reasons: string[];
}

type Figures = Pick<FiguresSummary, "runs" | "runsByStatus" | "successRate" | "durationMs" | "stepErrorRate">;

/** With fewer runs than that, a share of them says little. */
const ENOUGH_RUNS = 10;
/** One of twenty of fewer runs is chance. */
const ENOUGH_FOR_P95 = 40;
/** In points: a success rate that is so much lower than before. */
const DROP = { watch: 0.03, bad: 0.1 };
const SLOWER = 1.5;
/** Success rates that are low whatever they were before, and where nothing is known of before. */
const LOW = { bad: 0.5, watch: 0.8 };
const RANK = ["good", "watch", "bad"] as const;
const TITLES = {
  good: "Your agents do as well as before",
  watch: "Something got worse",
  bad: "Your agents are in trouble",
} as const;

export function verdictOf(now: Figures, before: Figures): Verdict {
  const ended = endedOf(now);
  if (ended === 0) {
    const title = now.runs > 0 ? "No run of this window has ended yet" : "No runs in this window";
    return { mood: "quiet", title, reasons: now.runs > 0 ? [`${plural(now.runs, "run")} in flight`] : [] };
  }
  const isComparable = ended >= ENOUGH_RUNS && endedOf(before) >= ENOUGH_RUNS;
  const found = [success(now, before, isComparable), slowness(now, before)];
  const mood = worstOf(found);
  const title = found.find((one) => one.mood === mood && one.title)?.title;
  const usual = mood === "good" && !isComparable ? "Most runs succeed" : TITLES[mood];
  return { mood, title: title ?? usual, reasons: found.flatMap(({ reason }) => (reason ? [reason] : [])) };
}

function worstOf(found: readonly Finding[]): Finding["mood"] {
  return RANK.findLast((mood) => found.some((one) => one.mood === mood)) ?? "good";
}

interface Finding {
  mood: keyof typeof TITLES;
  title?: string;
  reason?: string;
}

function success(now: Figures, before: Figures, isComparable: boolean): Finding {
  const [rate, old] = [now.successRate ?? 1, before.successRate ?? 1];
  const drop = isComparable ? old - rate : 0;
  const text = `${formatPercent(rate)} of ${plural(endedOf(now), "finished run")} succeeded`;
  const reason = isComparable ? `${text}, ${formatPercent(old)} before` : text;
  const hasFailures = now.runsByStatus.FAILED > 1;
  if (hasFailures && rate < LOW.bad) return { mood: "bad", title: "Most runs fail", reason };
  if (drop >= DROP.bad) return { mood: "bad", reason };
  if (hasFailures && !isComparable && rate < LOW.watch) return { mood: "watch", title: "Many runs fail", reason };
  return { mood: drop >= DROP.watch ? "watch" : "good", reason };
}

function slowness(now: Figures, before: Figures): Finding {
  const isEnough = Math.min(endedOf(now), endedOf(before)) >= ENOUGH_FOR_P95;
  const [p95, old] = [now.durationMs.p95, before.durationMs.p95];
  if (!isEnough || p95 === null || old === null || p95 < old * SLOWER) return { mood: "good" };
  return {
    mood: "watch",
    reason: `the slowest 5 % took ${formatDuration(p95)} or more, ${formatDuration(old)} before`,
  };
}

function endedOf({ runsByStatus }: Figures): number {
  return runsByStatus.SUCCESS + runsByStatus.FAILED + runsByStatus.CANCELLED;
}
