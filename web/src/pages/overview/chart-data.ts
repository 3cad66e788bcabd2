/** The time series as charts take it. */
import type { FiguresBucket, RunStatus } from "@/api/shapes";
import type { ChartData, Value } from "@/components/charts/series";
import { STATUS_FILL, statusLabel } from "@/components/status-badge";

export const BUCKET_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** From the bottom of a bar to its top. */
export const STACK_ORDER: readonly RunStatus[] = ["FAILED", "CANCELLED", "PENDING", "RUNNING", "SUCCESS"];

type Buckets = readonly FiguresBucket[];

export function runsByStatus(buckets: Buckets): ChartData {
  const series = STACK_ORDER.map((status) => ({
    key: status,
    label: statusLabel(status),
    color: STATUS_FILL[status],
    values: buckets.map((bucket) => bucket.runsByStatus[status]),
  }));
  // Statuses that no run has would only fill the legend.
  return { starts: startsOf(buckets), series: series.filter(({ values }) => values.some((value) => value > 0)) };
}

export function runDurations(buckets: Buckets): ChartData {
  return {
    starts: startsOf(buckets),
    series: [
      line("p95", "p95", "var(--ag-fill-accent-3)", buckets, ({ durationMs }) => durationMs.p95),
      line("p50", "p50", "var(--ag-fill-accent)", buckets, ({ durationMs }) => durationMs.p50),
    ],
  };
}

export function stepDurations(buckets: Buckets): ChartData {
  return {
    starts: startsOf(buckets),
    series: [line("avg", "Average", "var(--ag-fill-accent-2)", buckets, ({ stepDurationMs }) => stepDurationMs.avg)],
  };
}

function line(key: string, label: string, color: string, buckets: Buckets, read: (bucket: FiguresBucket) => Value) {
  return { key, label, color, values: buckets.map(read) };
}

function startsOf(buckets: Buckets): number[] {
  return buckets.map(({ start }) => Date.parse(start));
}
