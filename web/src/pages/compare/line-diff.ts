/** Two lists of lines side by side. */
import { alignSequences, NO_PARTNER } from "./sequence";

export interface Side {
  /** From 1 on. */
  number: number;
  text: string;
}

export type DiffRow =
  | { kind: "same" | "changed"; a: Side; b: Side }
  | { kind: "onlyA"; a: Side; b?: undefined }
  | { kind: "onlyB"; a?: undefined; b: Side };

/** Lines that are the same face each other; those that only one has are paired as far as they go. */
export function diffLines(a: readonly string[], b: readonly string[]): DiffRow[] {
  const partners = alignSequences(a.length, b.length, { of: (x, y) => (a[x] === b[y] ? 1 : 0), best: 1 });
  const rows: DiffRow[] = [];
  let [fromA, fromB] = [0, 0];
  for (let at = 0; at < a.length; at++) {
    const partner = partners[at] ?? NO_PARTNER;
    if (partner === NO_PARTNER) continue;
    putUnlike(rows, a, b, [fromA, at], [fromB, partner]);
    rows.push({ kind: "same", a: sideAt(a, at), b: sideAt(b, partner) });
    [fromA, fromB] = [at + 1, partner + 1];
  }
  putUnlike(rows, a, b, [fromA, a.length], [fromB, b.length]);
  return rows;
}

type Part = [from: number, to: number];

function putUnlike(rows: DiffRow[], a: readonly string[], b: readonly string[], inA: Part, inB: Part): void {
  const [lengthA, lengthB] = [inA[1] - inA[0], inB[1] - inB[0]];
  for (let at = 0; at < Math.max(lengthA, lengthB); at++) {
    const [left, right] = [sideAt(a, inA[0] + at), sideAt(b, inB[0] + at)];
    if (at >= lengthB) rows.push({ kind: "onlyA", a: left });
    else if (at >= lengthA) rows.push({ kind: "onlyB", b: right });
    else rows.push({ kind: "changed", a: left, b: right });
  }
}

function sideAt(lines: readonly string[], at: number): Side {
  return { number: at + 1, text: lines[at] ?? "" };
}

/** Rows of a diff, or so many that are the same and left out. */
export type DiffPart = { kind: "rows"; rows: DiffRow[] } | { kind: "same"; rows: DiffRow[] };

/** Long stretches of what is the same are parts of their own, but for some lines next to a difference. */
export function foldDiff(rows: readonly DiffRow[], context = 3): DiffPart[] {
  const isShown = new Uint8Array(rows.length);
  for (const [at, row] of rows.entries()) {
    if (row.kind !== "same") isShown.fill(1, Math.max(0, at - context), at + context + 1);
  }
  const parts: DiffPart[] = [];
  for (const [at, row] of rows.entries()) {
    const kind = isShown[at] ? "rows" : "same";
    const last = parts.at(-1);
    if (last?.kind === kind) last.rows.push(row);
    else parts.push({ kind, rows: [row] });
  }
  return parts;
}

/** A changed line in three: what stands before and after the difference is the same in both. */
export function markChange(a: string, b: string): { before: string; a: string; b: string; after: string } {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  if (isHalf(a, start)) start--;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if (isHalf(a, a.length - end)) end--;
  return {
    before: a.slice(0, start),
    a: a.slice(start, a.length - end),
    b: b.slice(start, b.length - end),
    after: a.slice(a.length - end),
  };
}

/** Whether a cut there would leave half a character on either side. */
function isHalf(text: string, at: number): boolean {
  return (
    at > 0 && at < text.length && /[\uDC00-\uDFFF]/.test(text[at] ?? "") && /[\uD800-\uDBFF]/.test(text[at - 1] ?? "")
  );
}
