import { numberOf, textOf } from "@/lib/search-params";

export interface SessionsSearch {
  /** Of the page that is shown; without it, the first. */
  cursor?: string;
}

export function sessionsSearchOf(raw: Record<string, unknown>): SessionsSearch {
  return { cursor: textOf(raw.cursor) };
}

export interface SessionSearch {
  /** The session's id where the path cannot hold it. */
  id?: string;
  /** How many of the latest runs are shown, if that is more than at first. */
  runs?: number;
}

export const RUNS_AT_FIRST = 30;
export const RUNS_MAX = 1000;

export function sessionSearchOf(raw: Record<string, unknown>): SessionSearch {
  const runs = Math.min(Math.floor(numberOf(raw.runs) ?? 0), RUNS_MAX);
  return { id: textOf(raw.id), runs: runs > RUNS_AT_FIRST ? runs : undefined };
}
