/** Which items of two sequences belong together, in order. Bounded, so that long ones take no longer than a blink. */

export const NO_PARTNER = -1;

export interface Likeness {
  /** How alike the items at these places are; 0 is not at all. */
  of: (a: number, b: number) => number;
  /** Of items that are the same in all that counts. */
  best: number;
}

const CELLS_MAX = 2_000_000;
const LOOKAHEAD = 48;

/**
 * For each item of the first sequence the place of its partner in the second, or `NO_PARTNER`.
 *
 * Partners stand in the same order in both. What is the same at both ends is taken as it is. Between them the sum of the
 * likenesses is the largest there is, if a table of them has no more than `cellsMax` cells; else each item gets the next
 * that is alike.
 */
export function alignSequences(sizeA: number, sizeB: number, likeness: Likeness, cellsMax = CELLS_MAX): Int32Array {
  const partners = new Int32Array(sizeA).fill(NO_PARTNER);
  let start = 0;
  while (start < sizeA && start < sizeB && likeness.of(start, start) === likeness.best) {
    partners[start] = start;
    start++;
  }
  let [endA, endB] = [sizeA, sizeB];
  while (endA > start && endB > start && likeness.of(endA - 1, endB - 1) === likeness.best) {
    partners[--endA] = --endB;
  }
  const middle = { start, endA, endB };
  if ((endA - start + 1) * (endB - start + 1) <= cellsMax) alignBest(partners, middle, likeness);
  else alignNearest(partners, middle, likeness);
  return partners;
}

interface Middle {
  start: number;
  endA: number;
  endB: number;
}

const [PAIR, SKIP_A, SKIP_B] = [1, 2, 3];

/** Needleman and Wunsch, without a price for gaps. */
function alignBest(partners: Int32Array, { start, endA, endB }: Middle, likeness: Likeness): void {
  const [height, width] = [endA - start, endB - start];
  if (height === 0 || width === 0) return;
  const ways = new Uint8Array(height * width);
  // Sums from an item to the end, so that the way is then read from the front.
  let below = new Float64Array(width + 1);
  let here = new Float64Array(width + 1);
  for (let row = height - 1; row >= 0; row--) {
    here[width] = 0;
    for (let column = width - 1; column >= 0; column--) {
      const alike = likeness.of(start + row, start + column);
      const paired = alike > 0 ? alike + (below[column + 1] ?? 0) : -1;
      const [skipA, skipB] = [below[column] ?? 0, here[column + 1] ?? 0];
      const most = Math.max(paired, skipA, skipB);
      here[column] = most;
      ways[row * width + column] = paired === most ? PAIR : skipA === most ? SKIP_A : SKIP_B;
    }
    [below, here] = [here, below];
  }
  for (let row = 0, column = 0; row < height && column < width; ) {
    const way = ways[row * width + column];
    if (way === PAIR) partners[start + row] = start + column;
    if (way !== SKIP_B) row++;
    if (way !== SKIP_A) column++;
  }
}

/** From each place on, the nearest pair that is alike, where both sequences have moved on the least. */
function alignNearest(partners: Int32Array, { start, endA, endB }: Middle, likeness: Likeness): void {
  let [a, b] = [start, start];
  while (a < endA && b < endB) {
    const found = nearestPair(a, b, Math.min(LOOKAHEAD, endA - a), Math.min(LOOKAHEAD, endB - b), likeness);
    if (found === undefined) {
      a++;
      b++;
      continue;
    }
    partners[a + found.a] = b + found.b;
    a += found.a + 1;
    b += found.b + 1;
  }
}

function nearestPair(a: number, b: number, mostA: number, mostB: number, likeness: Likeness) {
  for (let distance = 0; distance < mostA + mostB - 1; distance++) {
    for (let inA = Math.max(0, distance - mostB + 1); inA <= Math.min(distance, mostA - 1); inA++) {
      if (likeness.of(a + inA, b + distance - inA) > 0) return { a: inA, b: distance - inA };
    }
  }
  return undefined;
}
