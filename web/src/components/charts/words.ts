/** A chart in words, for those who do not see it. */
import { type ChartData, isEmpty, type Series } from "./series";
import { spanLabel } from "./time-labels";

type Format = (value: number) => string;

/**
 * What is shown, of when, and of each series the sum and the highest bucket, or the range.
 *
 * `adds`: values of a series can be added up (counts, costs), which durations and shares cannot.
 */
export function wordsOf(label: string, data: ChartData, bucketMs: number, adds: boolean, format: Format): string {
  const [first, last] = [data.starts[0], data.starts.at(-1)];
  if (first === undefined || last === undefined || isEmpty(data)) return `${label}: nothing in this window.`;
  const parts = data.series.map((series) => (adds ? sumWords : rangeWords)(series, data, bucketMs, format));
  return `${label}, ${spanLabel(first, last + bucketMs)}. ${parts.join(" ")}`;
}

function sumWords(series: Series, data: ChartData, bucketMs: number, format: Format): string {
  const known = knownOf(series);
  const sum = known.reduce((all, { value }) => all + value, 0);
  if (sum === 0) return `${series.label}: none.`;
  const most = known.reduce((a, b) => (b.value > a.value ? b : a));
  const start = data.starts[most.index] ?? 0;
  return `${series.label}: ${format(sum)} in all, the most, ${format(most.value)}, ${spanLabel(start, start + bucketMs)}.`;
}

function rangeWords(series: Series, _data: ChartData, _bucketMs: number, format: Format): string {
  const known = knownOf(series).map(({ value }) => value);
  const last = known.at(-1);
  if (last === undefined) return `${series.label}: unknown.`;
  return `${series.label}: from ${format(Math.min(...known))} to ${format(Math.max(...known))}, at last ${format(last)}.`;
}

function knownOf(series: Series): { value: number; index: number }[] {
  return series.values.flatMap((value, index) => (value === null ? [] : [{ value, index }]));
}

/** A bucket in words: when, and each series' value. */
export function bucketWords(data: ChartData, index: number, bucketMs: number, format: Format): string {
  const start = data.starts[index];
  if (start === undefined) return "";
  const values = data.series.map(({ label, values: all }) => {
    const value = all[index] ?? null;
    return `${label} ${value === null ? "unknown" : format(value)}`;
  });
  return `${spanLabel(start, start + bucketMs)}: ${values.join(", ")}`;
}
