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

/** Of the runs that have ended; a bucket in which none has is a gap. */
export function failureRateOf({ runsByStatus }: FiguresBucket): Value {
  const ended = endedOf(runsByStatus);
  return ended > 0 ? runsByStatus.FAILED / ended : null;
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
