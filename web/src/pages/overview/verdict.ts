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
const LOW = 0.5;
const RANK: readonly Mood[] = ["good", "watch", "bad"];
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
  const mood = RANK[Math.max(...found.map((one) => RANK.indexOf(one.mood)))] ?? "good";
  const title = mood === "good" && !isComparable ? "Your agents are fine" : TITLES[mood as keyof typeof TITLES];
  return { mood, title, reasons: found.flatMap(({ reason }) => (reason ? [reason] : [])) };
}

interface Finding {
  mood: Mood;
  reason?: string;
}

function success(now: Figures, before: Figures, isComparable: boolean): Finding {
  const [rate, old] = [now.successRate ?? 1, before.successRate ?? 1];
  const drop = isComparable ? old - rate : 0;
  const text = `${formatPercent(rate)} of ${plural(endedOf(now), "finished run")} succeeded`;
  const reason = isComparable ? `${text}, ${formatPercent(old)} before` : text;
  const isLow = rate < LOW && now.runsByStatus.FAILED > 1;
  return { mood: isLow || drop >= DROP.bad ? "bad" : drop >= DROP.watch ? "watch" : "good", reason };
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
