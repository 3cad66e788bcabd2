/** Long texts in pieces, as a browser lays out many short blocks faster than one long one. */

export interface Chunk {
  text: string;
  start: number;
}

const CHUNK_CHARS = 20_000;
const LOOK_BACK_CHARS = 5_000;

/** Pieces that end at a line break where there is one near; that break is left out, as blocks stand below each other. */
export function chunksOf(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  while (text.length - start > CHUNK_CHARS) {
    const wanted = start + CHUNK_CHARS;
    const lineBreak = text.lastIndexOf("\n", wanted);
    const isNear = lineBreak > wanted - LOOK_BACK_CHARS && lineBreak > start;
    const end = isNear ? lineBreak : notInPair(text, wanted);
    chunks.push({ text: text.slice(start, end), start });
    start = isNear ? end + 1 : end;
  }
  chunks.push({ text: text.slice(start), start });
  return chunks;
}

/** The place itself, or the one before if it would part two halves of one character. */
function notInPair(text: string, place: number): number {
  const code = text.charCodeAt(place);
  return code >= 0xdc00 && code <= 0xdfff ? place - 1 : place;
}
