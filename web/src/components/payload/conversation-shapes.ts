/** One message, in the words of OpenAI, Anthropic, Google, OpenTelemetry, OpenInference or LangChain. */
import type { Message, Part, Role } from "./conversation";
import { isObject, type JsonObject, textIn } from "./json";
import { parsed, partsOf, resultOf } from "./message-parts";

export interface ReadMessage extends Message {
  /** A part that stands alone, and belongs to the message before if that is of the same role. */
  isFragment?: boolean;
}

const ROLES: Record<string, Role> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  ai: "assistant",
  model: "assistant",
  aimessagechunk: "assistant",
  tool: "tool",
  function: "tool",
};
const CONTENT_KEYS = ["content", "parts", "contents", "tool_calls", "function_call", "text"];

/** What an item of a list of messages says; undefined if it is none. */
export function itemOf(item: unknown): ReadMessage | undefined {
  if (!isObject(item)) return undefined;
  return wrapped(item) ?? withRole(item) ?? fragment(item);
}

/** The system's words where an API has a field for them. */
export function systemOf(said: unknown): Message | undefined {
  const value = parsed(said); // attributes of spans have it as JSON in a text
  const isUsable = (typeof value === "string" && value !== "") || Array.isArray(value) || isObject(value);
  if (!isUsable) return undefined;
  const content = isObject(value) && Array.isArray(value.parts) ? value.parts : value;
  return { role: "system", said: "system", parts: partsOf(content) };
}

/** Where the answer of a model's API has its messages: the key, and the messages. */
export function answersOf(value: JsonObject): { key: string; items: unknown[] } | undefined {
  const under: [string, string][] = [
    ["choices", "message"],
    ["candidates", "content"],
  ];
  for (const [key, within] of under) {
    const list = value[key];
    if (Array.isArray(list) && list.length > 0) {
      return { key, items: list.map((one: unknown) => (isObject(one) ? one[within] : undefined)) };
    }
  }
  const generations = Array.isArray(value.generations) ? value.generations.flat() : [];
  if (generations.length > 0) {
    return { key: "generations", items: generations.map((one: unknown) => (isObject(one) ? one.message : undefined)) };
  }
  return isObject(value.message) && "role" in value.message ? { key: "message", items: [value.message] } : undefined;
}

/** `{message: {...}}` of OpenInference; `{type, data}` and `{lc, kwargs}` of LangChain. */
function wrapped(item: JsonObject): ReadMessage | undefined {
  if (isObject(item.message) && "role" in item.message) return withRole(item.message);
  const isLangChain = isObject(item.kwargs) && item.type === "constructor" && "lc" in item;
  const inner = isLangChain ? item.kwargs : item.data;
  if (!isObject(inner) || !("content" in inner)) return undefined;
  const type = textIn(inner, "type") ?? textIn(item, "type");
  return type !== undefined && roleOf(type) !== "other" ? withRole({ ...inner, role: type }) : undefined;
}

function withRole(item: JsonObject): ReadMessage | undefined {
  const said = textIn(item, "role") ?? (isLangChainRole(item.type) ? textIn(item, "type") : undefined);
  if (said === undefined || !CONTENT_KEYS.some((key) => key in item)) return undefined;
  const role = roleOf(said);
  const parts = [...thinkingOf(item), ...contentOf(item, role), ...callsOf(item)];
  return { role, said, name: textIn(item, "name"), parts };
}

function isLangChainRole(type: unknown): boolean {
  return type === "human" || type === "ai" || type === "system" || type === "tool";
}

function roleOf(said: string): Role {
  const word = said.toLowerCase();
  return (Object.hasOwn(ROLES, word) ? ROLES[word] : undefined) ?? "other";
}

function thinkingOf(item: JsonObject): Part[] {
  const text = textIn(item, "reasoning_content", "reasoning");
  return text ? [{ kind: "thinking", text }] : [];
}

function contentOf(item: JsonObject, role: Role): Part[] {
  const content = item.parts ?? item.content ?? item.contents ?? item.text;
  const id = textIn(item, "tool_call_id");
  if (role === "tool" && (id !== undefined || !Array.isArray(content))) {
    return [{ kind: "result", id, name: textIn(item, "name"), result: resultOf(content, item.status === "error") }];
  }
  return partsOf(content);
}

function callsOf(item: JsonObject): Part[] {
  const calls = Array.isArray(item.tool_calls) ? item.tool_calls : [];
  const all = isObject(item.function_call) ? [...calls, { function: item.function_call }] : calls;
  return all.map((call: unknown) => callOf(call));
}

function callOf(call: unknown): Part {
  const said = isObject(call) && isObject(call.tool_call) ? call.tool_call : call;
  if (!isObject(said)) return { kind: "other", value: call };
  const inner = isObject(said.function) ? said.function : said;
  const name = textIn(inner, "name");
  if (name === undefined) return { kind: "other", value: call };
  return { kind: "call", id: textIn(said, "id"), name, input: parsed(inner.arguments ?? inner.args ?? inner.input) };
}

const FRAGMENT_ROLES: Record<string, Role> = {
  function_call: "assistant",
  custom_tool_call: "assistant",
  reasoning: "assistant",
  function_call_output: "tool",
  custom_tool_call_output: "tool",
};

/** An item of OpenAI's responses that is not a message but stands between them. */
function fragment(item: JsonObject): ReadMessage | undefined {
  const type = textIn(item, "type") ?? "";
  const role = Object.hasOwn(FRAGMENT_ROLES, type) ? FRAGMENT_ROLES[type] : undefined;
  return role && { role, said: role, parts: partsOf([item]), isFragment: true };
}
