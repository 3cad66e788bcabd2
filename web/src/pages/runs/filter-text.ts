/** Filters as one writes them: `status:failed tool:search duration>5s refund parcel`, and back. */
import { RUN_STATUSES } from "@/api/shapes";
import type { RunFilters } from "./search";

export const FIELDS = [
  { name: "status", operators: [":"], hint: "running, pending, success, failed or cancelled" },
  { name: "agent", operators: [":"], hint: "by name, or one version of it" },
  { name: "version", operators: [":"], hint: "of the agent" },
  { name: "tool", operators: [":"], hint: "has a step of this tool" },
  { name: "model", operators: [":"], hint: "has a step of this model" },
  { name: "tag", operators: [":"], hint: "a name, or key=value" },
  { name: "session", operators: [":"], hint: "runs of one session" },
  { name: "user", operators: [":"], hint: "the user's number" },
  { name: "metric", operators: [":"], hint: "a name, or score>0.5" },
  { name: "duration", operators: [">", "<"], hint: "at least or at most: 500ms, 5s, 2m, 1h" },
  { name: "cost", operators: [">", "<"], hint: "at least or at most, in US dollars" },
  { name: "error", operators: [":"], hint: "yes: the run or a step failed" },
  { name: "stale", operators: [":"], hint: "yes: silent for too long" },
] as const;
export type FieldName = (typeof FIELDS)[number]["name"];

export interface Parsed {
  filters: RunFilters;
  /** What could not be understood, one sentence each. */
  problems: string[];
}

/** A piece of text that names a field, however far it is written: `tool:`, `tool:se`, `duration>5`. */
export interface FieldText {
  field: FieldName;
  operator: ":" | ">" | "<";
  /** As it stands, quotes and all. */
  value: string;
}

/** What is written, in pieces: spaces part them but within quotes. */
export function piecesOf(text: string): string[] {
  return text.match(/(?:[^\s"]|"(?:[^"\\]|\\[\s\S])*"?)+/g) ?? [];
}

export function fieldTextOf(piece: string): FieldText | undefined {
  const match = /^([a-z]+)(:|>=?|<=?)([\s\S]*)$/i.exec(piece);
  const field = FIELDS.find((one) => one.name === match?.[1]?.toLowerCase());
  const operator = operatorOf(match?.[2]);
  return field && operator ? { field: field.name, operator, value: match?.[3] ?? "" } : undefined;
}

function operatorOf(text: string | undefined): FieldText["operator"] | undefined {
  if (text === ":") return ":";
  return text?.startsWith(">") ? ">" : text?.startsWith("<") ? "<" : undefined;
}

/** What is no field is text to search for. */
export function parseFilters(text: string): Parsed {
  const words: string[] = [];
  let parsed: Parsed = { filters: {}, problems: [] };
  for (const piece of piecesOf(text)) {
    const written = fieldTextOf(piece);
    if (written === undefined) words.push(piece);
    else {
      const found = filterOf(written);
      if (typeof found === "string") parsed = { ...parsed, problems: [...parsed.problems, found] };
      else parsed = { ...parsed, filters: withFilters(parsed.filters, found) };
    }
  }
  const q = words.join(" ");
  return q ? { ...parsed, filters: { ...parsed.filters, q } } : parsed;
}

/** What one may have many of adds up; of what there can only be one, the new one stays; words follow words. */
export function withFilters(filters: RunFilters, more: RunFilters): RunFilters {
  const all = { ...filters, ...more };
  // An agent is chosen by its name or by its number: both would be what the two have in common.
  if (more.agentName !== undefined && more.agentId === undefined) all.agentId = undefined;
  if (more.agentId !== undefined && more.agentName === undefined) all.agentName = undefined;
  all.agentId = union(more.agentName === undefined ? filters.agentId : undefined, more.agentId);
  all.status = union(filters.status, more.status);
  all.tool = union(filters.tool, more.tool);
  all.model = union(filters.model, more.model);
  all.tag = union(filters.tag, more.tag);
  all.metric = union(filters.metric, more.metric);
  if (filters.q && more.q) all.q = `${filters.q} ${more.q}`;
  return all;
}

function union<T>(some: T[] | undefined, more: T[] | undefined): T[] | undefined {
  return some && more ? [...new Set([...some, ...more])] : (more ?? some);
}

/** The filter, or what is wrong with it. */
function filterOf({ field, operator, value: written }: FieldText): RunFilters | string {
  const value = unquoted(written);
  if (value === "") return `“${field}${operator}” needs a value.`;
  if (field === "duration" || field === "cost") return boundOf(field, operator, value);
  if (operator !== ":") return `Write ${field}:${written}, with a colon.`;
  switch (field) {
    case "status": {
      const status = RUN_STATUSES.find((one) => one === value.toUpperCase());
      return status
        ? { status: [status] }
        : `There is no status “${value}”; there are ${RUN_STATUSES.join(", ").toLowerCase()}.`;
    }
    case "agent":
      return /^#\d+$/.test(written) ? { agentId: [Number(written.slice(1))] } : { agentName: value };
    case "version":
      return { agentVersion: value };
    case "session":
      return { sessionId: value };
    case "user":
      return /^#?\d+$/.test(value) ? { userId: Number(value.replace("#", "")) } : `A user is a number, not “${value}”.`;
    case "error":
      return flag(field, value, (hasError) => ({ hasError }));
    case "stale":
      return flag(field, value, (stale) => ({ stale }));
    default:
      return { [field]: [value] };
  }
}

function flag(field: string, value: string, filterOf: (is: boolean) => RunFilters): RunFilters | string {
  if (/^(yes|true)$/i.test(value)) return filterOf(true);
  return /^(no|false)$/i.test(value) ? filterOf(false) : `Write ${field}:yes or ${field}:no.`;
}

function boundOf(field: "duration" | "cost", operator: FieldText["operator"], value: string): RunFilters | string {
  const example = field === "duration" ? "5s" : "0.5";
  if (operator === ":") return `Write ${field}>${example} or ${field}<${example}.`;
  if (field === "duration") {
    const ms = durationMsOf(value);
    if (ms === undefined) return `“${value}” is no duration: write 500ms, 5s, 2m or 1h.`;
    return operator === ">" ? { minDurationMs: ms } : { maxDurationMs: ms };
  }
  const usd = /^\$?\d*\.?\d+$/.test(value) ? Number(value.replace("$", "")) : undefined;
  if (usd === undefined) return `“${value}” is no cost: write 0.05.`;
  return operator === ">" ? { minCostUsd: usd } : { maxCostUsd: usd };
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A number without a unit is seconds. */
export function durationMsOf(text: string): number | undefined {
  const match = /^(\d*\.?\d+)\s*(ms|s|min|m|h|d)?$/i.exec(text);
  const unit = Object.entries(UNIT_MS).find(([name]) => name === (match?.[2] ?? "s").toLowerCase());
  // The sixth digit below a millisecond would be the machine's arithmetic, not what was written.
  return match && unit ? Number((Number(match[1]) * unit[1]).toFixed(6)) : undefined;
}

export function durationText(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms >= 1000 && ms % 10 === 0 ? `${ms / 1000}s` : `${plain(ms)}ms`;
}

/** Without an exponent, which nobody writes. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(12).replace(/\.?0+$/, "") : text;
}

/** Each filter as it would be written, with what is left without it. The order is that of the fields. */
export interface FilterPiece {
  field: FieldName | "text";
  text: string;
  rest: RunFilters;
}

export function filterPiecesOf(filters: RunFilters): FilterPiece[] {
  const all: FilterPiece[] = [];
  const add = (field: FilterPiece["field"], text: string, without: RunFilters) =>
    all.push({ field, text, rest: { ...filters, ...without } });
  const addEach = (field: FieldName, key: "tool" | "model" | "tag" | "metric") => {
    for (const one of filters[key] ?? []) add(field, `${field}:${quoted(one)}`, { [key]: others(filters[key], one) });
  };
  for (const one of filters.status ?? [])
    add("status", `status:${one.toLowerCase()}`, { status: others(filters.status, one) });
  if (filters.agentName !== undefined) add("agent", `agent:${quoted(filters.agentName)}`, { agentName: undefined });
  for (const one of filters.agentId ?? []) add("agent", `agent:#${one}`, { agentId: others(filters.agentId, one) });
  if (filters.agentVersion !== undefined)
    add("version", `version:${quoted(filters.agentVersion)}`, { agentVersion: undefined });
  addEach("tool", "tool");
  addEach("model", "model");
  addEach("tag", "tag");
  if (filters.sessionId !== undefined) add("session", `session:${quoted(filters.sessionId)}`, { sessionId: undefined });
  if (filters.userId !== undefined) add("user", `user:${filters.userId}`, { userId: undefined });
  addEach("metric", "metric");
  if (filters.minDurationMs !== undefined)
    add("duration", `duration>${durationText(filters.minDurationMs)}`, { minDurationMs: undefined });
  if (filters.maxDurationMs !== undefined)
    add("duration", `duration<${durationText(filters.maxDurationMs)}`, { maxDurationMs: undefined });
  if (filters.minCostUsd !== undefined) add("cost", `cost>${plain(filters.minCostUsd)}`, { minCostUsd: undefined });
  if (filters.maxCostUsd !== undefined) add("cost", `cost<${plain(filters.maxCostUsd)}`, { maxCostUsd: undefined });
  if (filters.hasError !== undefined) add("error", `error:${yesOrNo(filters.hasError)}`, { hasError: undefined });
  if (filters.stale !== undefined) add("stale", `stale:${yesOrNo(filters.stale)}`, { stale: undefined });
  if (filters.q !== undefined) add("text", filters.q, { q: undefined });
  return all;
}

export function writeFilters(filters: RunFilters): string {
  return filterPiecesOf(filters)
    .map((piece) => piece.text)
    .join(" ");
}

function others<T>(all: T[] | undefined, one: T): T[] | undefined {
  const left = all?.filter((other) => other !== one);
  return left?.length ? left : undefined;
}

function yesOrNo(is: boolean): string {
  return is ? "yes" : "no";
}

export function quoted(value: string): string {
  return /[\s"\\]|^#/.test(value) ? `"${value.replace(/[\\"]/g, "\\$&")}"` : value;
}

export function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  const inner = /^"((?:[^"\\]|\\[\s\S])*)"?$/.exec(text)?.[1] ?? text.slice(1);
  return inner.replace(/\\([\s\S])/g, "$1");
}
