import { textOf } from "@/lib/search-params";

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
}

export function sessionSearchOf(raw: Record<string, unknown>): SessionSearch {
  return { id: textOf(raw.id) };
}
