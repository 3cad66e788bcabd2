/** What a chart over time shows, and how it lies upon one another. */

export type Value = number | null;

export interface Series {
  key: string;
  label: string;
  /** `var(--ag-fill-…)` */
  color: string;
  /** One a bucket; null is a gap. */
  values: readonly Value[];
}

export interface ChartData {
  /** Of the buckets, in epoch milliseconds, in order. */
  starts: readonly number[];
  series: readonly Series[];
}

/** Each series upon those before it. A bucket of which no series knows anything stays empty. */
export function stackOf(series: readonly Series[]): Value[][] {
  const known = sums(series);
  const upon = known.map(() => 0);
  return series.map(({ values }) =>
    known.map((total, index) => {
      upon[index] = (upon[index] ?? 0) + (values[index] ?? 0);
      return total === null ? null : (upon[index] ?? 0);
    }),
  );
}

/** Of each bucket; null where no series has a value. */
export function sums(series: readonly Series[]): Value[] {
  const length = Math.max(0, ...series.map(({ values }) => values.length));
  return Array.from({ length }, (_, index) => total(series.map(({ values }) => values[index] ?? null)));
}

/** null where nothing is known. */
export function total(values: readonly Value[]): Value {
  return values.reduce<Value>((sum, value) => (value === null ? sum : (sum ?? 0) + value), null);
}

/** Which series lies at this height of a stack's bucket: its index, or undefined above all of them. */
export function layerAt(stack: readonly Value[][], bucket: number, height: number): number | undefined {
  const found = stack.findIndex((layer) => (layer[bucket] ?? 0) > height);
  return found < 0 || height < 0 ? undefined : found;
}

/** Whether there is nothing to draw: no bucket, or none with anything in it. */
export function isEmpty({ series }: ChartData): boolean {
  return !series.some(({ values }) => values.some((value) => value !== null && value !== 0));
}

/** Points with gaps at both sides, through which no line goes. */
export function lonePoints(values: readonly (Value | undefined)[]): number[] {
  const isGap = (index: number) => (values[index] ?? null) === null;
  return values.flatMap((_, index) => (!isGap(index) && isGap(index - 1) && isGap(index + 1) ? [index] : []));
}

const WIDE = 25;

/** Whether one value is so much higher than most that these could not be told from zero. */
export function isWide(series: readonly Series[]): boolean {
  const known = series
    .flatMap(({ values }) => values.filter((value) => value !== null && value > 0))
    .toSorted((one, other) => (one ?? 0) - (other ?? 0));
  const [middle, most] = [known[Math.floor(known.length / 2)] ?? 0, known.at(-1) ?? 0];
  return known.length > 2 && most > WIDE * middle;
}
