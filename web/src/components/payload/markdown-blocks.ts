/** The little of Markdown that models write, as blocks and spans. In linear time, as the text is of strangers. */
import { safeLink } from "./safe-urls";

export type Block =
  | { kind: "heading" | "paragraph" | "quote"; text: string; line: number }
  | { kind: "code"; text: string; line: number }
  | { kind: "rule"; line: number }
  | { kind: "list"; items: ListItem[]; line: number }
  | { kind: "table"; head: string[]; rows: string[][]; line: number };

export interface ListItem {
  text: string;
  depth: number;
  /** As it was written: `3.`, or a dot. */
  bullet: string;
  line: number;
}

export type Span =
  | { kind: "text" | "code" | "bold" | "italic"; text: string; start: number }
  | { kind: "link"; text: string; href: string; start: number };

const FENCE = /^\s{0,3}(`{3,}|~{3,})/;
const ITEM = /^(\s{0,20})([-*+•]|\d{1,4}[.)])\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const RULE = /^\s{0,3}(-{3,}|\*{3,}|_{3,})\s*$/;
const TABLE_RULE = /^\s*\|?\s{0,20}:?-{1,200}:?\s{0,20}(\|\s{0,20}:?-{1,200}:?\s{0,20}){0,100}\|?\s*$/;
const LIST_DEPTH_MAX = 6;

export function blocksOf(text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  let index = 0;
  while (index < lines.length) {
    const [block, next] = blockAt(lines, index);
    if (block !== undefined) blocks.push(block);
    index = next;
  }
  return blocks;
}

function blockAt(lines: readonly string[], line: number): [Block | undefined, number] {
  const first = lines[line] ?? "";
  if (first.trim() === "") return [undefined, line + 1];
  const fence = FENCE.exec(first)?.[1];
  if (fence !== undefined) return codeAt(lines, line, fence);
  const heading = HEADING.exec(first)?.[1];
  if (heading !== undefined) return [{ kind: "heading", text: heading, line }, line + 1];
  if (RULE.test(first)) return [{ kind: "rule", line }, line + 1];
  if (isTable(lines, line)) return tableAt(lines, line);
  if (ITEM.test(first)) return listAt(lines, line);
  const isQuote = first.startsWith(">");
  const end = endOf(lines, line, (next) => next.trim() !== "" && next.startsWith(">") === isQuote && !opensBlock(next));
  const own = lines.slice(line, end);
  return isQuote
    ? [{ kind: "quote", text: own.map((one) => one.replace(/^>\s?/, "")).join("\n"), line }, end]
    : [{ kind: "paragraph", text: own.join("\n"), line }, end];
}

/** The first line after `line` that is not wanted any more. */
function endOf(lines: readonly string[], line: number, isWanted: (text: string) => boolean): number {
  let end = line + 1;
  while (end < lines.length && isWanted(lines[end] ?? "")) end++;
  return end;
}

function opensBlock(text: string): boolean {
  return FENCE.test(text) || HEADING.test(text) || ITEM.test(text) || RULE.test(text) || text.startsWith("|");
}

function codeAt(lines: readonly string[], line: number, fence: string): [Block, number] {
  const end = endOf(lines, line, (text) => !text.trimStart().startsWith(fence));
  return [{ kind: "code", text: lines.slice(line + 1, end).join("\n"), line }, end + 1];
}

function isTable(lines: readonly string[], line: number): boolean {
  return (
    (lines[line] ?? "").includes("|") && (lines[line + 1] ?? "").includes("-") && TABLE_RULE.test(lines[line + 1] ?? "")
  );
}

function tableAt(lines: readonly string[], line: number): [Block, number] {
  const end = endOf(lines, line + 1, (text) => text.includes("|"));
  const rows = lines.slice(line + 2, end).map(cellsOf);
  return [{ kind: "table", head: cellsOf(lines[line] ?? ""), rows, line }, end];
}

function cellsOf(text: string): string[] {
  const trimmed = text.trim();
  const inner = trimmed.slice(trimmed.startsWith("|") ? 1 : 0, trimmed.endsWith("|") ? -1 : undefined);
  return inner.split("|").map((cell) => cell.trim());
}

function listAt(lines: readonly string[], line: number): [Block, number] {
  const end = endOf(lines, line, (text) => ITEM.test(text) || /^\s{2,}\S/.test(text));
  const items: ListItem[] = [];
  for (let index = line; index < end; index++) {
    const found = ITEM.exec(lines[index] ?? "");
    const last = items.at(-1);
    if (found) {
      const [, indent = "", bullet = "", text = ""] = found;
      const depth = Math.min(Math.floor(indent.length / 2), LIST_DEPTH_MAX);
      items.push({ text, depth, bullet: /\d/.test(bullet) ? bullet : "•", line: index });
    } else if (last) {
      last.text += `\n${(lines[index] ?? "").trim()}`;
    }
  }
  return [{ kind: "list", items, line }, end];
}

// What may repeat is bounded, so that a line of brackets costs no more than its length times a bound.
const SPANS =
  /`([^`\n]{1,500})`|\*\*([^*\n]{1,500})\*\*|(?<![\w*])\*([^*\s\n][^*\n]{0,300})\*(?![\w*])|\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()]{1,500})\)/g;

export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const found of text.matchAll(SPANS)) {
    const start = found.index;
    if (start > end) spans.push({ kind: "text", text: text.slice(end, start), start: end });
    spans.push(spanOf(found, start));
    end = start + found[0].length;
  }
  if (end < text.length) spans.push({ kind: "text", text: text.slice(end), start: end });
  return spans;
}

function spanOf([whole, code, bold, italic, label, url]: RegExpExecArray, start: number): Span {
  if (code !== undefined) return { kind: "code", text: code, start };
  if (bold !== undefined) return { kind: "bold", text: bold, start };
  if (italic !== undefined) return { kind: "italic", text: italic, start };
  const link = safeLink(url);
  if (link === undefined || label === undefined) return { kind: "text", text: whole, start };
  return { kind: "link", text: label, href: link.href, start };
}
