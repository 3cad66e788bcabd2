/** Where the pages of a session, an agent and a tool are, whose names are any text: what links to them need, and back. */
import { DEFAULT_RANGE, type RangeSearch } from "./time-range";

/** Of when, and of which agents, figures are. */
export interface Scope extends RangeSearch {
  agentId?: number[];
}

/** The scope said in full: other pages have other defaults. */
export function scopeOf({ from, to, range, agentId }: Scope): Scope {
  return from && to ? { from, to, agentId } : { range: range ?? DEFAULT_RANGE, agentId };
}

/** The name, where the path cannot hold it. */
interface Named {
  name?: string;
}

/** As `Named`, of a session. */
interface Identified {
  id?: string;
}

/** Or the tool is none, whatever the path says. */
interface Tooled extends Named {
  untooled?: true;
}

const ELSEWHERE = "-";
const UNTOOLED = "none";

export function placeOfSession(id: string): { params: { sessionId: string }; search: Identified } {
  return isForPaths(id)
    ? { params: { sessionId: id }, search: {} }
    : { params: { sessionId: ELSEWHERE }, search: { id } };
}

export function sessionIdAt(part: string, { id }: Identified): string {
  return part === ELSEWHERE && id !== undefined ? id : part;
}

/** `agentId` of the scope is the version that is shown alone. Without a scope, the page's own. */
export function placeOfAgent(name: string, scope?: Scope): { params: { agentName: string }; search: Scope & Named } {
  const around = scope ? scopeOf(scope) : {};
  return isForPaths(name)
    ? { params: { agentName: name }, search: around }
    : { params: { agentName: ELSEWHERE }, search: { ...around, name } };
}

export function agentNameAt(part: string, { name }: Named): string {
  return part === ELSEWHERE && name !== undefined ? name : part;
}

/** `null`: of the steps without a tool. */
export function placeOfTool(
  name: string | null,
  scope?: Scope,
): { params: { toolName: string }; search: Scope & Tooled } {
  const around = scope ? scopeOf(scope) : {};
  if (name === null) return { params: { toolName: UNTOOLED }, search: { ...around, untooled: true } };
  return isForPaths(name)
    ? { params: { toolName: name }, search: around }
    : { params: { toolName: ELSEWHERE }, search: { ...around, name } };
}

export function toolNameAt(part: string, { name, untooled }: Tooled): string | null {
  if (untooled) return null;
  return part === ELSEWHERE && name !== undefined ? name : part;
}

/**
 * Whether a name can stand in a path.
 *
 * Browsers take `.` and `..` for steps up and down, however they are written, and not every server has paths with line
 * breaks.
 */
function isForPaths(name: string): boolean {
  return name !== "." && name !== ".." && !name.includes("\n");
}
