/** The pipeline's answer as charts and lists show it. */
import type { Pipeline } from "@/api/shapes";
import type { BarRow } from "@/components/charts/bar-list";
import type { Series } from "@/components/charts/series";
import { formatCount } from "@/lib/format";

export const BUCKET_MS = 10_000;

type Bucket = Pipeline["buckets"][number];

/** Without the one that is still under way, which would look like a drop. */
export function ended(buckets: readonly Bucket[]): readonly Bucket[] {
  return buckets.slice(0, -1);
}

export function startsOf(buckets: readonly Bucket[]): number[] {
  return buckets.map((bucket) => Date.parse(bucket.start));
}

/** Events a second. */
export function flowOf(buckets: readonly Bucket[]): Series[] {
  const seconds = BUCKET_MS / 1000;
  return [
    {
      key: "accepted",
      label: "Accepted",
      color: "var(--ag-fill-accent)",
      values: buckets.map((bucket) => bucket.accepted / seconds),
    },
    {
      key: "stored",
      label: "Stored",
      color: "var(--ag-fill-success)",
      values: buckets.map((bucket) => bucket.stored / seconds),
    },
  ];
}

export function lagOf(buckets: readonly Bucket[]): Series[] {
  return [
    { key: "p50", label: "p50", color: "var(--ag-fill-accent-2)", values: buckets.map((bucket) => bucket.lagMs.p50) },
    { key: "p99", label: "p99", color: "var(--ag-fill-accent-3)", values: buckets.map((bucket) => bucket.lagMs.p99) },
  ];
}

const REASONS: Record<string, string> = {
  body_too_large: "Body too large",
  busy: "Busy: too much at once",
  database_unavailable: "Database away",
  forbidden: "Not with this key or role",
  invalid_event: "Invalid event",
  invalid_query: "Invalid query",
  malformed_body: "Not JSON or protobuf",
  not_found: "Not found",
  overloaded: "Backlog over its mark",
  queue_unavailable: "Queue away",
  rate_limited: "Over a rate limit",
  unauthorized: "No key, or none that is valid",
  unknown_reference: "Unknown agent or user",
};

/** What was not taken as it came, the most frequent first. */
export function refusalRows(
  pipeline: Pick<Pipeline, "refused" | "rejectedEvents" | "payloadsCut" | "redactions">,
): BarRow[] {
  const counted = [
    ...pipeline.refused.map(({ code, count }) => ({
      key: code,
      label: REASONS[code] ?? code,
      count,
      unit: "requests",
    })),
    { key: "rejected", label: "Invalid events of a batch", count: pipeline.rejectedEvents, unit: "events" },
    { key: "cut", label: "Payloads cut as too large", count: pipeline.payloadsCut, unit: "payloads" },
    { key: "redactions", label: "Secrets redacted", count: pipeline.redactions, unit: "secrets" },
  ].filter(({ count }) => count > 0);
  counted.sort((a, b) => b.count - a.count);
  const most = counted[0]?.count ?? 1;
  return counted.map(({ key, label, count, unit }) => ({
    key,
    label,
    value: `${formatCount(count)} ${unit}`,
    share: count / most,
  }));
}
