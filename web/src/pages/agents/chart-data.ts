/** The time series of an agent's versions as charts take them. */
import type { FiguresBucket } from "@/api/shapes";
import type { ChartData, Value } from "@/components/charts/series";
import { endedOf } from "./figures";

export interface Line {
  key: string;
  label: string;
  buckets: readonly FiguresBucket[];
}

const COLORS = ["", "-2", "-3", "-4", "-5"].map((number) => `var(--ag-fill-accent${number})`);

/** How many of the server's buckets may go into one: what a day, an hour, a week is made of. */
const FACTORS = { minute: [1, 5, 15, 30, 60], hour: [1, 2, 3, 6, 12, 24], day: [1, 7] } as const;
const RUNS_A_BUCKET = 10;
const BUCKETS_MIN = 10;

/** How many buckets have to go into one that a rate of them is no mere chance, as far as enough are left to see a course. */
export function factorOf(lines: readonly Line[], bucket: keyof typeof FACTORS): number {
  const length = startsOf(lines).length;
  const ended = lines
    .flatMap(({ buckets }) => buckets)
    .reduce((all, { runsByStatus }) => all + endedOf(runsByStatus), 0);
  const wanted = (RUNS_A_BUCKET * length * lines.length) / Math.max(1, ended);
  const possible = FACTORS[bucket].filter((factor) => length / factor >= BUCKETS_MIN);
  return possible.find((factor) => factor >= wanted) ?? possible.at(-1) ?? 1;
}

/** Of the runs that have ended, in buckets of `bucketMs`; one in which none has is a gap. */
export function failureRates(lines: readonly Line[], bucketMs: number): ChartData {
  const place = (start: string) => Math.floor(Date.parse(start) / bucketMs) * bucketMs;
  const starts = [...new Set(startsOf(lines).map((start) => Math.floor(start / bucketMs) * bucketMs))];
  return {
    starts,
    series: lines.map(({ key, label, buckets }, index) => {
      const sums = new Map<number, { failed: number; ended: number }>();
      for (const { start, runsByStatus } of buckets) {
        const { failed, ended } = sums.get(place(start)) ?? { failed: 0, ended: 0 };
        sums.set(place(start), { failed: failed + runsByStatus.FAILED, ended: ended + endedOf(runsByStatus) });
      }
      const values = starts.map((start) => rateOf(sums.get(start)));
      return { key, label, color: COLORS[index % COLORS.length] ?? "", values };
    }),
  };
}

function rateOf(sums: { failed: number; ended: number } | undefined): Value {
  return sums && sums.ended > 0 ? sums.failed / sums.ended : null;
}

/** A series a line. They were asked for one by one: one may have a bucket more than another. */
export function seriesOf(lines: readonly Line[], read: (bucket: FiguresBucket) => Value): ChartData {
  const starts = startsOf(lines);
  return {
    starts,
    series: lines.map(({ key, label, buckets }, index) => {
      const values = new Map(buckets.map((bucket) => [Date.parse(bucket.start), read(bucket)]));
      return {
        ...{ key, label, color: COLORS[index % COLORS.length] ?? "" },
        values: starts.map((start) => values.get(start) ?? null),
      };
    }),
  };
}

/** Of one line: what half of the runs stayed under, and 19 of 20. */
export function percentilesOf(line: Line): ChartData {
  const of = (key: "p50" | "p95", color: string) => ({
    ...{ key, label: key, color },
    values: line.buckets.map(({ durationMs }) => durationMs[key]),
  });
  return {
    starts: startsOf([line]),
    series: [of("p95", "var(--ag-fill-accent-3)"), of("p50", "var(--ag-fill-accent)")],
  };
}

function startsOf(lines: readonly Line[]): number[] {
  const all = lines.flatMap(({ buckets }) => buckets.map(({ start }) => Date.parse(start)));
  return [...new Set(all)].toSorted((one, other) => one - other);
}
