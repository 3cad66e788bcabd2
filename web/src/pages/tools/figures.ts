/** One tool over time: its sums, what it is compared with, and its charts' data. */
import type { components } from "@/api/schema";
import type { ChartData, Value } from "@/components/charts/series";
import { iso, type Window } from "@/lib/time-range";

export type ToolBucket = components["schemas"]["ToolTimeseriesBucket"];

const HOUR_MS = 3_600_000;
const COMPARED_HOURS_MIN = 6;

export interface ToolSums {
  calls: number;
  failures: number;
  failureRate: number | null;
  tokens: number;
  costUsd: number;
}

export function sumsOf(buckets: readonly ToolBucket[]): ToolSums {
  const sum = (read: (bucket: ToolBucket) => number) => buckets.reduce((all, bucket) => all + read(bucket), 0);
  const [calls, failures] = [sum((bucket) => bucket.calls), sum((bucket) => bucket.failures)];
  return {
    ...{ calls, failures },
    failureRate: calls > 0 ? failures / calls : null,
    tokens: sum(({ inputTokens, outputTokens }) => inputTokens + outputTokens),
    costUsd: sum(({ costUsd }) => costUsd),
  };
}

/**
 * The window before, as long.
 *
 * Tools' figures are of whole hours. So it ends where those of the window begin; undefined for a window of so few hours
 * that the one that still goes on would count too much.
 */
export function windowBefore(window: Window): Window | undefined {
  const [from, to] = [Date.parse(window.from), Date.parse(window.to)];
  if (to - from < COMPARED_HOURS_MIN * HOUR_MS) return undefined;
  const end = Math.floor(from / HOUR_MS) * HOUR_MS;
  const hours = Math.round((to - from) / HOUR_MS);
  return { from: iso(end - hours * HOUR_MS), to: iso(end) };
}

export function callsOf(buckets: readonly ToolBucket[]): ChartData {
  return chart(buckets, [
    ["failed", "Failed", "var(--ag-fill-danger)", ({ failures }) => failures],
    ["good", "Without error", "var(--ag-fill-accent)", ({ calls, failures }) => calls - failures],
  ]);
}

export function failureRatesOf(buckets: readonly ToolBucket[]): ChartData {
  return chart(buckets, [["rate", "Failure rate", "var(--ag-fill-danger)", ({ failureRate }) => failureRate]]);
}

export function durationsOf(buckets: readonly ToolBucket[]): ChartData {
  return chart(buckets, [
    ["p95", "p95", "var(--ag-fill-accent-3)", ({ durationMs }) => durationMs.p95],
    ["p50", "p50", "var(--ag-fill-accent)", ({ durationMs }) => durationMs.p50],
  ]);
}

type Part = [key: string, label: string, color: string, read: (bucket: ToolBucket) => Value];

function chart(buckets: readonly ToolBucket[], parts: readonly Part[]): ChartData {
  return {
    starts: buckets.map(({ start }) => Date.parse(start)),
    series: parts.map(([key, label, color, read]) => ({ key, label, color, values: buckets.map(read) })),
  };
}
