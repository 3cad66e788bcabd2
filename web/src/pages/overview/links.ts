/** Where figures lead to: the search parameters of the lists of what is behind them. */
import { scopeOf } from "@/lib/places";
import type { Window } from "@/lib/time-range";
import type { RunsSearch } from "@/pages/runs/search";
import type { OverviewSearch } from "./search";

/** The runs of the page's window and agents that something more holds of. */
export function runsBehind(search: OverviewSearch, more: RunsSearch = {}): RunsSearch {
  return { ...scopeOf(search), ...more };
}

/** What of a span lies in the window: the first and last bucket of a chart hold only that. Undefined if nothing does. */
export function spanWithin(start: Date, end: Date, window: Window): Window | undefined {
  const from = Math.max(start.getTime(), Date.parse(window.from));
  const to = Math.min(end.getTime(), Date.parse(window.to));
  return from < to ? { from: new Date(from).toISOString(), to: new Date(to).toISOString() } : undefined;
}

/** What was folded away, and where a message may have been put together of an error's type and its text. */
const BREAKS = /<(?:n|id|text|url|time)>|(?<=^[\w.]+): /;
const PHRASE_CHARS_MIN = 3;

/**
 * A search for the errors of a group, whose message has what differs folded away: the phrases between.
 *
 * Undefined where nothing is left to search for.
 */
export function queryOf(message: string): string | undefined {
  const phrases = message
    .split(BREAKS)
    .map((part) => part.replace(/["\s]+/g, " ").replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ""))
    .filter((part) => part.replace(/[^\p{L}\p{N}]/gu, "").length >= PHRASE_CHARS_MIN);
  return phrases.length > 0 ? phrases.map((phrase) => `"${phrase}"`).join(" ") : undefined;
}

/** Runs with an error of this group; of a step's error, those that use its tool. */
export function errorRuns(
  search: OverviewSearch,
  error: { message: string; subject: string; toolName: string | null },
): RunsSearch {
  const tool = error.subject === "step" && error.toolName !== null ? [error.toolName] : undefined;
  return runsBehind(search, { hasError: true, tool, q: queryOf(error.message) });
}

/** What is behind a tool's figures, where those count steps. */
export const CALLS_TITLE = "Steps. Leads to the runs that use the tool";
export const FAILED_CALLS_TITLE = "Steps that failed. Leads to the runs that use the tool and have an error";
/** Of errors, which one run may have several of. */
export const ERRORS_TITLE = "Times it occurred. Leads to the runs with such an error";

const DAY_MS = 86_400_000;

/** A day with the moment near its end, in whole minutes. */
export function windowAround(moment: string): Window {
  const to = Math.ceil((Date.parse(moment) + DAY_MS / 24) / 60_000) * 60_000;
  return { from: new Date(to - DAY_MS).toISOString(), to: new Date(to).toISOString() };
}
