/** Conversations with a model, whichever framework wrote them down, as one shape. */
import { answersOf, itemOf, type ReadMessage, systemOf } from "./conversation-shapes";
import { unflattenMessages } from "./flat-messages";
import { isObject, type JsonObject } from "./json";

export type Role = "system" | "user" | "assistant" | "tool" | "other";

export type Part =
  | { kind: "text"; text: string }
  | { kind: "thinking"; text: string }
  /** `src` only where it is safe to show; `from` is what was said instead. */
  | { kind: "image"; src?: string; from?: string }
  | { kind: "call"; id?: string; name: string; input: unknown; result?: ToolResult }
  | { kind: "result"; id?: string; name?: string; result: ToolResult }
  | { kind: "other"; value: unknown };

export interface ToolResult {
  value: unknown;
  isError: boolean;
}

export interface Message {
  role: Role;
  /** The role in the sender's own word. */
  said: string;
  name?: string;
  parts: Part[];
}

export interface Conversation {
  messages: Message[];
  /** What stood beside the messages: the model, its settings, its tools. */
  rest: JsonObject | undefined;
}

const LIST_KEYS = [
  "messages",
  "contents",
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "input",
  "output",
  "input_messages",
  "output_messages",
] as const;
const SYSTEM_KEYS = [
  "system",
  "system_instruction",
  "systemInstruction",
  "instructions",
  "gen_ai.system_instructions",
] as const;
const MESSAGES_MAX = 20_000;

/** The conversation that a value is; undefined where it is something else. */
export function conversationOf(value: unknown): Conversation | undefined {
  const found = findMessages(value);
  if (found === undefined || found.messages.length === 0) return undefined;
  return { messages: withResults(found.messages), rest: found.rest };
}

/** Input and output of a model call as one conversation; undefined unless both are one. */
export function exchangeOf(input: unknown, output: unknown): Conversation | undefined {
  const asked = findMessages(input);
  const answered = findMessages(output) ?? spoken(output);
  if (!asked?.messages.length || !answered?.messages.length) return undefined;
  const known = new Set(asked.messages.map(fingerprint));
  // Some frameworks answer with the whole conversation again.
  const repeats = asked.messages.every(
    (message, index) => fingerprint(answered.messages[index]) === fingerprint(message),
  );
  const fresh = repeats && known.size > 0 ? answered.messages.slice(asked.messages.length) : answered.messages;
  const rest = { ...prefixed("input", asked.rest), ...prefixed("output", answered.rest) };
  return {
    messages: withResults([...asked.messages, ...fresh]),
    rest: Object.keys(rest).length > 0 ? rest : undefined,
  };
}

function prefixed(name: string, rest: JsonObject | undefined): JsonObject {
  return rest === undefined ? {} : { [name]: rest };
}

function fingerprint(message: Message | undefined): string {
  if (message === undefined) return "";
  const texts = message.parts.map((part) => ("text" in part ? part.text : "id" in part ? (part.id ?? "") : part.kind));
  return `${message.role}\n${texts.join("\n")}`;
}

/** A bare text as what the model said. */
function spoken(output: unknown): Conversation | undefined {
  if (typeof output !== "string" || output === "") return undefined;
  return {
    messages: [{ role: "assistant", said: "assistant", parts: [{ kind: "text", text: output }] }],
    rest: undefined,
  };
}

function findMessages(value: unknown): Conversation | undefined {
  if (Array.isArray(value)) {
    const messages = listOf(value);
    return messages && { messages, rest: undefined };
  }
  if (!isObject(value)) return undefined;
  const flat = unflattenMessages(value);
  if (flat !== undefined) {
    const messages = listOf(flat.messages);
    return messages && { messages, rest: flat.rest };
  }
  return under(value) ?? answersIn(value) ?? single(value);
}

/** `{messages: [...]}` and its kin, with the system's words if they stand beside. */
function under(value: JsonObject): Conversation | undefined {
  for (const key of LIST_KEYS) {
    const list = value[key];
    const messages = Array.isArray(list) ? listOf(list) : undefined;
    if (!messages?.length) continue;
    const taken = new Set<string>([key]);
    for (const systemKey of SYSTEM_KEYS) {
      const system = systemOf(value[systemKey]);
      if (system === undefined) continue;
      messages.unshift(system);
      taken.add(systemKey);
    }
    return { messages, rest: without(value, taken) };
  }
  return undefined;
}

function answersIn(value: JsonObject): Conversation | undefined {
  const answers = answersOf(value);
  const messages = answers && listOf(answers.items);
  return messages?.length ? { messages, rest: without(value, new Set([answers?.key ?? ""])) } : undefined;
}

function single(value: JsonObject): Conversation | undefined {
  const messages = listOf([value]);
  return messages && { messages, rest: undefined };
}

/** Messages of a list in which everything is one; undefined otherwise. */
function listOf(list: readonly unknown[]): Message[] | undefined {
  const first = list[0];
  // LangChain asks in batches, nearly always of one.
  if (list.length === 1 && Array.isArray(first)) return listOf(first);
  if (list.length === 0 || list.length > MESSAGES_MAX) return undefined;
  const messages: Message[] = [];
  for (const item of list) {
    const message = itemOf(item);
    if (message === undefined) return undefined;
    append(messages, message);
  }
  // People of a table have roles, too, but not these.
  return messages.some((message) => message.role !== "other") ? messages : undefined;
}

/** Items of OpenAI's responses stand one by one where other APIs have parts of one message. */
function append(messages: Message[], { isFragment, ...message }: ReadMessage): void {
  const last = messages.at(-1);
  if (isFragment && last !== undefined && last.role === message.role && last.name === message.name) {
    last.parts.push(...message.parts);
  } else {
    messages.push(message);
  }
}

function without(value: JsonObject, taken: ReadonlySet<string>): JsonObject | undefined {
  const rest = Object.entries(value).filter(([key, one]) => !taken.has(key) && one !== null);
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

type Call = Part & { kind: "call" };

/** Results move to the calls that they answer, by id. Messages of which nothing is left go. */
function withResults(messages: readonly Message[]): Message[] {
  const calls = new Map<string, Call[]>();
  const kept: Message[] = [];
  for (const message of messages) {
    const parts = message.parts.flatMap((part): Part[] => {
      if (part.kind === "result" && isAnswered(calls.get(part.id ?? ""), part.result)) return [];
      return part.kind === "call" ? [remembered({ ...part }, calls)] : [part];
    });
    if (parts.length > 0 || message.parts.length === 0) kept.push({ ...message, parts });
  }
  return kept;
}

function remembered(call: Call, calls: Map<string, Call[]>): Call {
  if (call.id === undefined) return call;
  const known = calls.get(call.id);
  if (known === undefined) calls.set(call.id, [call]);
  else known.push(call);
  return call;
}

/** Gives a result to the first call that waits for it. */
function isAnswered(waiting: Call[] | undefined, result: ToolResult): boolean {
  const call = waiting?.shift();
  if (call === undefined) return false;
  call.result = result;
  return true;
}
