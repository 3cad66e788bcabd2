/** What an artifact is to whoever looks at it. */
import { isContainer, isObject, parsedContainer } from "./json";
import { cutOf } from "./marks";
import { imageOf, safeImage } from "./safe-urls";

export interface TableContent {
  columns: string[];
  rows: readonly unknown[];
}

export type ArtifactLook =
  | { kind: "link"; url: string }
  | { kind: "image"; src: string }
  | { kind: "table"; table: TableContent }
  | { kind: "markdown"; text: string }
  | { kind: "source"; text: string }
  | { kind: "payload"; value: unknown };

const SOURCE_TYPE = /html|svg|xml|javascript|css/i;
const SHORT_IMAGE_TYPE = /^(png|jpe?g|gif|webp)$/i;

export function artifactLook(type: string, url: string | null, content: unknown): ArtifactLook {
  if (url !== null && (content === null || content === undefined)) return { kind: "link", url };
  const src = safeImage(content) ?? imageOf(SHORT_IMAGE_TYPE.test(type) ? `image/${type}` : type, content);
  if (src !== undefined) return { kind: "image", src };
  const table = tableOf(content);
  if (table !== undefined) return { kind: "table", table };
  if (typeof content === "string") {
    if (/markdown|^md$/i.test(type)) return { kind: "markdown", text: content };
    if (SOURCE_TYPE.test(type)) return { kind: "source", text: content };
  }
  return { kind: "payload", value: content };
}

const COLUMNS_MAX = 200;

/** `{columns, rows}`, with rows as lists or as objects; a column may be its name, or an object with one. */
function tableOf(content: unknown): TableContent | undefined {
  const value = typeof content === "string" ? parsedContainer(content) : content;
  if (!isObject(value) || cutOf(value) !== undefined) return undefined;
  const { columns, rows } = value;
  if (!Array.isArray(columns) || !Array.isArray(rows) || columns.length === 0 || columns.length > COLUMNS_MAX) {
    return undefined;
  }
  if (!rows.every(isContainer)) return undefined;
  const names = columns.map((column: unknown) => (isObject(column) ? (column.name ?? column.key) : column));
  return names.every((name) => typeof name === "string" || typeof name === "number")
    ? { columns: names.map(String), rows }
    : undefined;
}

/** The value of a row in a column. */
export function cellOf(row: unknown, column: number, name: string): unknown {
  return Array.isArray(row) ? row[column] : isObject(row) ? row[name] : undefined;
}
