/** Where the page of a tool or agent is. */
import type { AgentSearch } from "@/pages/agents/search";
import { scopeOf } from "@/pages/overview/links";
import type { OverviewSearch } from "@/pages/overview/search";
import type { ToolSearch } from "./search";

const UNTOOLED = "none";
/** What a browser takes for a folder, however it is written. */
const FOLDERS = [".", ".."];
const STAND_IN = "by-name";

/** `null`: of the steps without a tool. */
export function toolAddress(
  toolName: string | null,
  scope: OverviewSearch,
): { params: { toolName: string }; search: ToolSearch } {
  if (toolName === null) return { params: { toolName: UNTOOLED }, search: { ...scopeOf(scope), untooled: true } };
  const { part, name } = addressOfName(toolName);
  return { params: { toolName: part }, search: { ...scopeOf(scope), name } };
}

export function toolOf(part: string, { name, untooled }: ToolSearch): string | null {
  return untooled ? null : (name ?? part);
}

/** `agentId` of the scope is the version that is shown alone. */
export function agentAddress(
  agentName: string,
  scope: OverviewSearch,
): { params: { agentName: string }; search: AgentSearch } {
  const { part, name } = addressOfName(agentName);
  return { params: { agentName: part }, search: { ...scopeOf(scope), name } };
}

/** The part of the path; and the name for the search where no path can hold it. */
function addressOfName(name: string): { part: string; name?: string } {
  return FOLDERS.includes(name) ? { part: STAND_IN, name } : { part: name };
}
