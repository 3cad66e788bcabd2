/** Errors, in whichever shape an agent reports them. */
import { isObject, type JsonObject, textIn } from "./json";
import { cutOf } from "./marks";

export interface ReadError {
  type: string | undefined;
  message: string | undefined;
  stack: string | undefined;
  /** What else the error said; undefined if nothing. */
  rest: unknown;
}

const TYPES = ["type", "name", "errorType", "error_type", "exception.type", "class", "code"];
const MESSAGES = ["message", "msg", "errorMessage", "error_message", "exception.message", "detail", "reason", "error"];
const STACKS = ["stack", "stacktrace", "stackTrace", "stack_trace", "traceback", "exception.stacktrace", "trace"];

export function readError(error: unknown): ReadError {
  if (typeof error === "string") return readText(error);
  if (!isObject(error) || cutOf(error) !== undefined) {
    return { type: undefined, message: undefined, stack: undefined, rest: error };
  }
  // `{"error": {...}}`, as APIs answer
  if (isObject(error.error) && Object.keys(error).length === 1) return readError(error.error);
  const [type, message, stack] = [TYPES, MESSAGES, STACKS].map((keys) => keyOf(error, keys));
  const taken = new Set([type, message, stack]);
  const rest = Object.entries(error).filter(([key, value]) => !taken.has(key) && value !== null);
  return {
    type: textAt(error, type),
    message: textAt(error, message),
    stack: stack === undefined ? undefined : stackText(error[stack]),
    rest: rest.length > 0 ? Object.fromEntries(rest) : undefined,
  };
}

function keyOf(error: JsonObject, keys: readonly string[]): string | undefined {
  return keys.find((key) => {
    const value = error[key];
    return (typeof value === "string" && value !== "") || (keys === STACKS && isTextList(value));
  });
}

function textAt(error: JsonObject, key: string | undefined): string | undefined {
  return key === undefined ? undefined : textIn(error, key);
}

function stackText(value: unknown): string | undefined {
  return isTextList(value) ? value.join("\n") : typeof value === "string" ? value : undefined;
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
}

/** A text may be a message, or a message with a stack trace. */
function readText(text: string): ReadError {
  const none = { type: undefined, rest: undefined };
  if (/^\s*Traceback \(most recent call last\)/m.test(text)) {
    return { ...none, message: lastLine(text), stack: text };
  }
  const frames = /\n\s+at \S/.exec(text);
  if (frames) return { ...none, message: text.slice(0, frames.index), stack: text };
  return { ...none, message: text, stack: undefined };
}

function lastLine(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.slice(trimmed.lastIndexOf("\n") + 1);
}

export interface StackLine {
  text: string;
  line: number;
  /** Of a library or the language itself, where one's own mistake seldom is. */
  isForeign: boolean;
}

const PLACE = /^\s*(File "|at |[\w$./<>]+@|\d+: )/;
const FOREIGN =
  /site-packages|dist-packages|node_modules|node:|<frozen |<anonymous>|\/lib\/python\d|\/usr\/lib|\/rustc\/|\/go\/pkg\/mod|java\.base|\(native\)/;
const LINES_MAX = 2_000;

/** The lines of a stack trace; those below a frame's place (its source) go with it. Undefined for one too long to be read. */
export function stackLines(stack: string): StackLine[] | undefined {
  const lines = stack.split("\n");
  if (lines.length > LINES_MAX) return undefined;
  let isForeign = false;
  return lines.map((text, line) => {
    if (PLACE.test(text)) isForeign = FOREIGN.test(text);
    else if (!/^\s/.test(text)) isForeign = false;
    return { text, line, isForeign };
  });
}
