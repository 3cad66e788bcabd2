/** What somebody said, where an input or output is plainly that. */
import { conversationOf } from "@/components/payload/conversation";
import { isObject } from "@/components/payload/json";

export interface Said {
  text: string;
  /** Whether the payload holds more than this. */
  hasMore: boolean;
}

const ASKED_KEYS = [
  "question",
  "message",
  "prompt",
  "query",
  "text",
  "content",
  "input",
  "task",
  "user_input",
] as const;
const ANSWERED_KEYS = ["answer", "message", "response", "reply", "text", "content", "output", "result"] as const;

/** Undefined where it is not: then the payload is to be shown as it is. */
export function saidIn(value: unknown, by: "user" | "assistant"): Said | undefined {
  if (typeof value === "string") return value.trim() === "" ? undefined : { text: value, hasMore: false };
  return lastMessage(value, by) ?? underKey(value, by === "user" ? ASKED_KEYS : ANSWERED_KEYS);
}

function lastMessage(value: unknown, by: "user" | "assistant"): Said | undefined {
  const conversation = conversationOf(value);
  const message = conversation?.messages.findLast(({ role }) => role === by);
  const texts = message?.parts.flatMap((part) => (part.kind === "text" ? part.text : [])) ?? [];
  if (!conversation || !message || texts.join("").trim() === "") return undefined;
  const isAll = conversation.messages.length === 1 && message.parts.length === texts.length && !conversation.rest;
  return { text: texts.join("\n\n"), hasMore: !isAll };
}

function underKey(value: unknown, keys: readonly string[]): Said | undefined {
  if (!isObject(value)) return undefined;
  for (const key of keys) {
    const text = Object.hasOwn(value, key) ? value[key] : undefined;
    if (typeof text === "string" && text.trim() !== "") return { text, hasMore: Object.keys(value).length > 1 };
  }
  return undefined;
}
