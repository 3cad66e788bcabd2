/** How a value is best shown. */
import { type Conversation, conversationOf } from "./conversation";
import { isContainer, type JsonObject, parsedContainer, sizeOf } from "./json";
import { type Cut, cutOf } from "./marks";

export type Look =
  | { kind: "nothing" }
  | { kind: "cut"; cut: Cut }
  | { kind: "conversation"; conversation: Conversation; isInText: boolean }
  | { kind: "markdown"; text: string }
  | { kind: "text"; text: string }
  | { kind: "tree"; value: JsonObject | unknown[]; isInText: boolean }
  | { kind: "atom"; value: unknown };

export function lookOf(value: unknown): Look {
  if (value === null || value === undefined) return { kind: "nothing" };
  if (typeof value === "string") return lookOfText(value);
  return isContainer(value) ? lookOfContainer(value, false) : { kind: "atom", value };
}

function lookOfText(text: string): Look {
  const value = parsedContainer(text);
  if (value !== undefined) return lookOfContainer(value, true);
  return isMarkdown(text) ? { kind: "markdown", text } : { kind: "text", text };
}

function lookOfContainer(value: JsonObject | unknown[], isInText: boolean): Look {
  const cut = cutOf(value);
  if (cut !== undefined) return { kind: "cut", cut };
  const conversation = conversationOf(value);
  return conversation ? { kind: "conversation", conversation, isInText } : { kind: "tree", value, isInText };
}

const MARKDOWN_CHARS_MAX = 60_000;
const MARKDOWN_SIGNS = [
  /^#{1,4} \S/m,
  /^```/m,
  /\*\*[^*\n]{1,200}\*\*/,
  /^\|.{1,500}\|\s*$/m,
  /^\s{0,4}[-*] \S.{0,500}\n\s{0,4}[-*] \S/m,
];

/** Whether a text has the signs of Markdown, and is not too long to be set. */
export function isMarkdown(text: string): boolean {
  return text.length <= MARKDOWN_CHARS_MAX && MARKDOWN_SIGNS.some((sign) => sign.test(text));
}

/** Texts of a conversation are taken for Markdown while they are short enough to be set. */
export function isSettable(text: string): boolean {
  return text.length <= MARKDOWN_CHARS_MAX;
}

/** What a value is, in two words. */
export function describe(look: Look): string {
  switch (look.kind) {
    case "conversation":
      return counted(look.conversation.messages.length, "message");
    case "tree":
      return `${counted(sizeOf(look.value), Array.isArray(look.value) ? "value" : "key")}${look.isInText ? ", JSON in a text" : ""}`;
    case "markdown":
    case "text":
      return counted(look.text.length, "character");
    case "cut":
      return "cut";
    default:
      return "";
  }
}

function counted(count: number, one: string): string {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
}
