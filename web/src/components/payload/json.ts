/** JSON values of any size and depth. Nothing here calls itself: what agents send may be nested deeper than the stack goes. */

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isContainer(value: unknown): value is JsonObject | unknown[] {
  return typeof value === "object" && value !== null;
}

const keysKnown = new WeakMap<JsonObject, string[]>();

/** `Object.keys`, made once: of a hundred thousand keys that takes a while, and a tree asks again and again. */
export function keysOf(object: JsonObject): readonly string[] {
  const known = keysKnown.get(object);
  if (known !== undefined) return known;
  const keys = Object.keys(object);
  keysKnown.set(object, keys);
  return keys;
}

/** How many values a list or an object holds. */
export function sizeOf(value: JsonObject | unknown[]): number {
  return Array.isArray(value) ? value.length : keysOf(value).length;
}

/** The first values of a list or an object. */
export function firstValues(value: JsonObject | unknown[], count: number): unknown[] {
  if (Array.isArray(value)) return value.slice(0, count);
  return keysOf(value)
    .slice(0, count)
    .map((key) => value[key]);
}

export function textIn(object: JsonObject, ...keys: string[]): string | undefined {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === "string") return value;
  }
  return undefined;
}

const INDENT_LEVELS_MAX = 100;

/** JSON text, with line breaks if there is an indent. */
export function writeJson(value: unknown, indent = 0): string {
  if (indent > 0 && isDeeper(value, INDENT_LEVELS_MAX)) return writeDeepJson(value, indent);
  try {
    return JSON.stringify(value, null, indent) ?? "null";
  } catch (error) {
    if (error instanceof RangeError) return writeDeepJson(value, indent);
    throw error;
  }
}

/** Whether there are more levels than that: their indents would take more room than all else. */
function isDeeper(value: unknown, levels: number): boolean {
  const waiting: [unknown, number][] = [[value, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [one, level] = next;
    if (!isContainer(one)) continue;
    if (level > levels) return true;
    for (const below of Array.isArray(one) ? one : Object.values(one)) {
      if (isContainer(below)) waiting.push([below, level + 1]);
    }
  }
  return false;
}

interface Level {
  container: JsonObject | unknown[];
  keys: readonly string[] | undefined;
  next: number;
}

/** As JSON.stringify, which gives up some thousand levels down. Beyond a hundred levels lines are indented no further. */
function writeDeepJson(value: unknown, indent: number): string {
  const parts: string[] = [];
  const levels: Level[] = [];
  const breakLine = () => {
    if (indent > 0) parts.push("\n", " ".repeat(indent * Math.min(levels.length, INDENT_LEVELS_MAX)));
  };
  const write = (one: unknown) => {
    if (!isContainer(one)) {
      parts.push(JSON.stringify(one) ?? "null");
    } else if (sizeOf(one) === 0) {
      parts.push(Array.isArray(one) ? "[]" : "{}");
    } else {
      parts.push(Array.isArray(one) ? "[" : "{");
      levels.push({ container: one, keys: Array.isArray(one) ? undefined : keysOf(one), next: 0 });
    }
  };
  write(value);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { container, keys } = level;
    const index = level.next++;
    if (index >= sizeOfLevel(level)) {
      levels.pop();
      breakLine();
      parts.push(keys ? "}" : "]");
      continue;
    }
    if (index > 0) parts.push(",");
    breakLine();
    if (Array.isArray(container)) {
      write(container[index]);
    } else {
      const key = keys?.[index] ?? "";
      parts.push(JSON.stringify(key), indent > 0 ? ": " : ":");
      write(container[key]);
    }
  }
  return parts.join("");
}

function sizeOfLevel({ container, keys }: Level): number {
  return keys ? keys.length : Array.isArray(container) ? container.length : 0;
}

const encoder = new TextEncoder();

/** The bytes of a value as JSON without blanks: how large it is on its way and where it is kept. */
export function jsonBytes(value: unknown): number {
  return encoder.encode(writeJson(value)).length;
}

const PARSED_CHARS_MAX = 2_000_000;

/** The object or list that a text holds as JSON; undefined if it holds none. */
export function parsedContainer(text: string): JsonObject | unknown[] | undefined {
  const head = text.slice(0, 100).trimStart()[0];
  if ((head !== "{" && head !== "[") || text.length > PARSED_CHARS_MAX) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isContainer(value) ? value : undefined;
  } catch {
    return undefined; // text that begins with a bracket
  }
}
