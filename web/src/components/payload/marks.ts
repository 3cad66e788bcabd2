/** What the server left in place of what it took out. */
import { isObject } from "./json";

/** A value that was too large: how large, and how it began (JSON text that ends anywhere). */
export interface Cut {
  bytes: number;
  head: string;
}

export function cutOf(value: unknown): Cut | undefined {
  if (!isObject(value) || value.$truncated !== true) return undefined;
  const { bytes, head } = value;
  return typeof bytes === "number" && typeof head === "string" ? { bytes, head } : undefined;
}

export interface TextPiece {
  text: string;
  /** What stood here, if a secret did: `openai-key`, `password`. */
  secret?: string;
  /** Where the piece begins in its text. */
  start: number;
}

const REDACTION = /\[redacted:([^[\]\n]{1,100})\]/g;

/** A text, apart from the marks that stand for secrets in it. */
export function piecesOf(text: string): TextPiece[] {
  if (!text.includes("[redacted:")) return [{ text, start: 0 }];
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const found of text.matchAll(REDACTION)) {
    if (found.index > end) pieces.push({ text: text.slice(end, found.index), start: end });
    pieces.push({ text: found[0], secret: found[1], start: found.index });
    end = found.index + found[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), start: end });
  return pieces;
}
