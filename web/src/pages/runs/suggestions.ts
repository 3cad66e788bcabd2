/** What one may want to write next in the filter bar. */
import { type Agent, RUN_STATUSES } from "@/api/shapes";
import { FIELDS, type FieldName, type FieldText, fieldTextOf, piecesOf, quoted, unquoted } from "./filter-text";

export interface Suggestion {
  /** `field`: one goes on writing its value. The others are filters as they are. */
  kind: "field" | "value" | "text";
  label: string;
  hint?: string;
  /** What stands in the bar in place of the last piece. */
  text: string;
}

export interface Known {
  agents: readonly Agent[];
  /** Of the field whose value is being written, as the server knows them. */
  values: readonly string[];
}

/** Fields whose values the server is asked for. */
export const ASKED_FIELDS = ["tool", "model", "tag", "metric", "session"] as const;
export type AskedField = (typeof ASKED_FIELDS)[number];

const AGENTS_MAX = 30;
const EXAMPLES = { duration: ["1s", "5s", "30s", "1m", "10m"], cost: ["0.01", "0.1", "1"] } as const;

/** The last piece of a text, which is being written, and all before it. */
export function splitLast(text: string): { before: string; last: string } {
  const last = piecesOf(text).at(-1) ?? "";
  return text.endsWith(last) ? { before: text.slice(0, text.length - last.length), last } : { before: text, last: "" };
}

/** The field and the beginning of a value that the server may be asked for. */
export function askedOf(text: string): { field: AskedField; prefix: string } | undefined {
  const written = fieldTextOf(splitLast(text).last);
  const field = ASKED_FIELDS.find((one) => one === written?.field);
  return field && written?.operator === ":" ? { field, prefix: unquoted(written.value) } : undefined;
}

export function suggestionsOf(text: string, known: Known): Suggestion[] {
  const { last } = splitLast(text);
  const written = fieldTextOf(last);
  if (written) return valuesOf(written, known);
  const fields = FIELDS.filter((field) => field.name.startsWith(last.toLowerCase())).flatMap((field) =>
    field.operators.map(
      (operator): Suggestion => ({
        kind: "field",
        label: `${field.name}${operator}`,
        text: `${field.name}${operator}`,
        hint: field.hint,
      }),
    ),
  );
  if (text.trim() === "") return fields;
  const search: Suggestion = { kind: "text", label: text.trim(), text: last, hint: "in input, output and errors" };
  return [search, ...fields];
}

/** Which of them Enter takes before one has moved: the first value that fits what is written, and no field. */
export function firstChoice(text: string, suggestions: readonly Suggestion[]): number {
  const written = fieldTextOf(splitLast(text).last);
  const isBegun = written !== undefined && written.value !== "" && !/^["#]/.test(written.value);
  return isBegun && suggestions.length > 0 ? 0 : -1;
}

function valuesOf(written: FieldText, known: Known): Suggestion[] {
  const { field, operator } = written;
  const prefix = unquoted(written.value).toLowerCase();
  const choices = (values: readonly string[], hint?: string) =>
    values
      .filter((value) => value.toLowerCase().startsWith(prefix))
      .map((value): Suggestion => choice(`${field}${operator}${quoted(value)}`, value, hint));
  if (field === "duration" || field === "cost") return choices(EXAMPLES[field]);
  switch (field) {
    case "status":
      return choices(RUN_STATUSES.map((status) => status.toLowerCase()));
    case "error":
    case "stale":
      return choices(["yes", "no"]);
    case "agent":
      return agentsOf(prefix, known.agents);
    case "version":
      return choices([...new Set(known.agents.map((agent) => agent.version))].sort());
    case "user":
      return [];
    default:
      return known.values.map((value) => choice(`${field}:${quoted(value)}`, value));
  }
}

/** Each agent with all its versions, and where it has several, each of them. */
function agentsOf(part: string, agents: readonly Agent[]): Suggestion[] {
  const byName = new Map<string, Agent[]>();
  for (const agent of agents) byName.set(agent.name, [...(byName.get(agent.name) ?? []), agent]);
  const found = [...byName].flatMap(([name, versions]) => {
    const all = choice(`agent:${quoted(name)}`, name, versions.length > 1 ? "all versions" : undefined);
    if (versions.length === 1) return [all];
    return [all, ...versions.map((agent) => choice(`agent:#${agent.id}`, `${name} ${agent.version}`))];
  });
  const fitting = found.filter((one) => one.label.toLowerCase().includes(part));
  const begins = (one: Suggestion) => (one.label.toLowerCase().startsWith(part) ? 0 : 1);
  return fitting.sort((a, b) => begins(a) - begins(b)).slice(0, AGENTS_MAX);
}

function choice(text: string, label: string, hint?: string): Suggestion {
  return { kind: "value", label, text, hint };
}

/** How a filter stands on its chip. */
export function chipOf(
  field: FieldName | "text",
  text: string,
  agents: readonly Agent[],
): { name: string; value: string } {
  if (field === "text") return { name: "text", value: text };
  const written = fieldTextOf(text);
  const value = unquoted(written?.value ?? "");
  if (field === "agent" && /^agent:#\d+$/.test(text)) {
    const agent = agents.find((one) => `#${one.id}` === value);
    return { name: "agent", value: agent ? `${agent.name} ${agent.version}` : value };
  }
  const sign = { ":": "", ">": " ≥", "<": " ≤" }[written?.operator ?? ":"];
  return { name: field + sign, value: field === "cost" ? `$${value}` : value };
}
