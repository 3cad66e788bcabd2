/** A histogram on a logarithmic axis: the server's many narrow buckets as bins that can be seen. */

export interface DurationBucket {
  fromMs: number;
  toMs: number;
  count: number;
}

export interface LogAxis {
  fromMs: number;
  toMs: number;
}

/** So that a lone bin is not as wide as the chart. */
const BINS_MIN = 9;
const ROUNDING = 1e-6;

/**
 * At most `most` bins from the lowest bucket to the highest, all of the same width on the axis, empty ones too.
 *
 * Bins end where the server's buckets end, so that no bucket is split: `width` of them go into one.
 */
export function binsOf(buckets: readonly DurationBucket[], most: number): DurationBucket[] {
  const known = buckets.filter(({ count, fromMs, toMs }) => count > 0 && toMs > fromMs && toMs > 0);
  const positive = known.filter(({ fromMs }) => fromMs > 0);
  if (known.length === 0) return [];
  const sample = positive[0] ?? { fromMs: 1, toMs: 1.02 };
  const ratio = sample.toMs / sample.fromMs;
  const low = Math.min(...positive.map(({ fromMs }) => fromMs), ...known.map(({ toMs }) => toMs / ratio));
  const top = Math.max(...known.map(({ toMs }) => toMs));
  const count = Math.max(1, Math.round(Math.log(top / low) / Math.log(ratio)));
  const step = ratio ** Math.ceil(count / most);
  const floor = low / step ** Math.max(0, Math.floor((BINS_MIN - count) / 2));
  const length = Math.max(BINS_MIN, Math.ceil(Math.log(top / floor) / Math.log(step) - ROUNDING));
  const bins = Array.from({ length }, (_, index) => ({
    fromMs: floor * step ** index,
    toMs: floor * step ** (index + 1),
    count: 0,
  }));
  for (const bucket of known) {
    const middle = bucket.fromMs > 0 ? Math.sqrt(bucket.fromMs * bucket.toMs) : bucket.toMs / Math.sqrt(ratio);
    const index = Math.floor(Math.log(middle / floor) / Math.log(step));
    const bin = bins[Math.min(Math.max(index, 0), bins.length - 1)];
    if (bin) bin.count += bucket.count;
  }
  return bins;
}

/** Where a duration is on the axis, 0 to 1. */
export function placeOf(ms: number, { fromMs, toMs }: LogAxis): number {
  const place = Math.log(ms / fromMs) / Math.log(toMs / fromMs);
  return Math.min(1, Math.max(0, place));
}

/** In how many-th row each mark's text stands so that none covers another; `width` is that of a text, as a share. */
export function rowsOf(places: readonly number[], width: number): number[] {
  const ends: number[] = [];
  const order = places.map((place, index) => ({ place, index })).sort((a, b) => a.place - b.place);
  const rows: number[] = places.map(() => 0);
  for (const { place, index } of order) {
    const free = ends.findIndex((end) => place >= end);
    const row = free < 0 ? ends.length : free;
    ends[row] = place + width;
    rows[index] = row;
  }
  return rows;
}
