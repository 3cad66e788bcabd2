/** Where a session's page is. Its id is any text. */
import type { SessionSearch } from "./search";

interface SessionPlace {
  params: { sessionId: string };
  search: SessionSearch;
}

const ELSEWHERE = "-";

/**
 * What a link to a session needs.
 *
 * Browsers take `.` and `..` in a path for steps up and down, however they are written, and not every server has paths with
 * line breaks: such ids stand elsewhere in the address.
 */
export function placeOfSession(id: string): SessionPlace {
  return id === "." || id === ".." || id.includes("\n")
    ? { params: { sessionId: ELSEWHERE }, search: { id } }
    : { params: { sessionId: id }, search: {} };
}

/** The id that an address means. */
export function sessionIdAt(parameter: string, search: SessionSearch): string {
  return parameter === ELSEWHERE && search.id !== undefined ? search.id : parameter;
}
