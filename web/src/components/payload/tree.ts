/** JSON as rows of a tree, of which only those are made that are open. */
import { isContainer, isObject, type JsonObject, keysOf, sizeOf } from "./json";
import { cutOf } from "./marks";

export const PAGE_SIZE = 100;
const OPEN_ROWS_AT_FIRST = 40;

/** How many children are shown, by the id of what holds them; 0 and absent are closed. */
export type OpenNodes = ReadonlyMap<string, number>;

export interface TreeRow {
  /** The path, as a JSON pointer. */
  id: string;
  /** The path as a program would write it: `.messages[0].content`. */
  path: string;
  depth: number;
  /** Undefined for the whole. */
  key: string | number | undefined;
  value: unknown;
  /** A row in place of children that are not shown yet: how many there are, and how many are shown. */
  more?: { shown: number; count: number };
}

export const ROOT_ID = "";

function rootOf(value: unknown): TreeRow {
  return { id: ROOT_ID, path: "", depth: 0, key: undefined, value };
}

export function isFoldable(value: unknown): value is JsonObject | unknown[] {
  return isContainer(value) && sizeOf(value) > 0 && cutOf(value) === undefined && inlineOf(value) === undefined;
}

const INLINE_VALUES = 6;
const INLINE_CHARS = 80;

/** A short list of plain values as one line: `["north", 1840]`. */
export function inlineOf(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > INLINE_VALUES || value.some(isContainer)) {
    return undefined;
  }
  const isLong = value.some((one: unknown) => typeof one === "string" && one.length > INLINE_CHARS);
  const text = isLong ? "" : `[${value.map((one: unknown) => JSON.stringify(one)).join(", ")}]`;
  return text !== "" && text.length <= INLINE_CHARS ? text : undefined;
}

/** The first children of a row, at most so many. */
function childrenOf({ id, path, depth, value }: TreeRow, count: number): TreeRow[] {
  const below = (key: string | number, one: unknown): TreeRow => ({
    id: `${id}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`,
    path: path + stepOf(key),
    depth: depth + 1,
    key,
    value: one,
  });
  if (Array.isArray(value)) return value.slice(0, count).map((one: unknown, index) => below(index, one));
  if (!isObject(value)) return [];
  return keysOf(value)
    .slice(0, count)
    .map((key) => below(key, value[key]));
}

function stepOf(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The rows that are to be seen, in order. */
export function rowsOf(value: unknown, open: OpenNodes): TreeRow[] {
  const rows: TreeRow[] = [];
  const waiting: TreeRow[] = [rootOf(value)];
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    rows.push(row);
    const shown = row.more ? 0 : (open.get(row.id) ?? 0);
    if (shown === 0 || !isFoldable(row.value)) continue;
    const count = sizeOf(row.value);
    const children = childrenOf(row, shown);
    if (count > shown) {
      waiting.push({ ...row, id: `${row.id}//more`, depth: row.depth + 1, key: undefined, more: { shown, count } });
    }
    for (const child of children.reverse()) waiting.push(child);
  }
  return rows;
}

/** What is open when a value comes into view: level by level, until there is enough to look at. */
export function openAtFirst(value: unknown, rowsMax = OPEN_ROWS_AT_FIRST): Map<string, number> {
  const open = new Map<string, number>();
  let rows = 1;
  let level = [rootOf(value)];
  while (level.length > 0) {
    const next: TreeRow[] = [];
    for (const row of level) {
      if (!isFoldable(row.value)) continue;
      const children = childrenOf(row, PAGE_SIZE);
      // The whole is open however much it holds.
      if (row.id !== ROOT_ID && rows + children.length > rowsMax) continue;
      open.set(row.id, PAGE_SIZE);
      rows += children.length;
      next.push(...children);
    }
    level = next;
  }
  return open;
}

export interface Found {
  rows: TreeRow[];
  /** Whether there may be more than was looked at. */
  isCut: boolean;
}

const FOUND_MAX = 200;
const VISITED_MAX = 200_000;

/** Rows whose key, or whose value if it is none that holds others, has the text in it, whatever the case. */
export function findRows(value: unknown, text: string): Found {
  const wanted = text.toLowerCase();
  const rows: TreeRow[] = [];
  const waiting: TreeRow[] = [rootOf(value)];
  let visited = 0;
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    if (rows.length === FOUND_MAX || visited++ === VISITED_MAX) return { rows, isCut: true };
    if (holdsText(row, wanted)) rows.push(row);
    if (isFoldable(row.value)) for (const child of childrenOf(row, VISITED_MAX).reverse()) waiting.push(child);
  }
  return { rows, isCut: false };
}

function holdsText({ key, value }: TreeRow, wanted: string): boolean {
  if (typeof key === "string" && key.toLowerCase().includes(wanted)) return true;
  if (isFoldable(value)) return false;
  const said = isContainer(value) ? (cutOf(value)?.head ?? inlineOf(value)) : String(value);
  return said?.toLowerCase().includes(wanted) ?? false;
}

const PREVIEW_KEYS = 4;

/** What is in a closed row, in a few words: `{role, content}`, `[12]`. */
export function previewOf(value: JsonObject | unknown[]): string {
  if (Array.isArray(value)) return `[${value.length.toLocaleString("en")}]`;
  const keys = keysOf(value);
  const named = keys.slice(0, PREVIEW_KEYS).map((key) => (key.length > 24 ? `${key.slice(0, 23)}…` : key));
  return `{${named.join(", ")}${keys.length > PREVIEW_KEYS ? `, … ${keys.length.toLocaleString("en")} keys` : ""}}`;
}
