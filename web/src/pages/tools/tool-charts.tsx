import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { TimeChart, type TimeChartProps } from "@/components/charts/time-chart";
import { Panel } from "@/components/panel";
import { formatCount, formatDuration, formatPercent } from "@/lib/format";
import { placeOfTool } from "@/lib/places";
import { DEFAULT_RANGE, windowOf } from "@/lib/time-range";
import { BUCKET_MS } from "@/pages/overview/chart-data";
import { spanWithin } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import { callsOf, durationsOf, failureRatesOf, type ToolBucket } from "./figures";
import type { ToolSearch } from "./search";

const HEIGHT = 200;
const EACH = { hour: "each hour", day: "each day (UTC)" } as const;

interface ToolChartsProps {
  toolName: string | null;
  search: ToolSearch;
  data: { bucket: "hour" | "day"; buckets: readonly ToolBucket[] };
  runs: ((more?: RunsSearch) => RunsSearch) | undefined;
}

export function ToolCharts({ toolName, search, data: { bucket, buckets }, runs }: ToolChartsProps) {
  const navigate = useNavigate();
  const calls = useMemo(() => callsOf(buckets), [buckets]);
  const rates = useMemo(() => failureRatesOf(buckets), [buckets]);
  const durations = useMemo(() => durationsOf(buckets), [buckets]);

  const spanOf = (start: Date, end: Date) => spanWithin(start, end, windowOf(search, Date.now(), DEFAULT_RANGE));
  function narrow(start: Date, end: Date) {
    const span = spanOf(start, end);
    if (span) {
      navigate({ to: "/tools/$toolName", ...placeOfTool(toolName, { agentId: search.agentId, ...span }) });
    }
  }
  const opening = (more: RunsSearch): TimeChartProps["onChoose"] =>
    runs &&
    ((start, end, key) => {
      const span = spanOf(start, end);
      const own = key === "failed" ? { hasError: true } : more;
      if (span) navigate({ to: "/runs", search: { ...runs(own), range: undefined, ...span } });
    });
  const common = { height: HEIGHT, bucketMs: BUCKET_MS[bucket], onBrush: narrow };
  return (
    <>
      <Panel title="Calls and failures" hint={EACH[bucket]}>
        <TimeChart
          {...common}
          label="Calls and failures"
          kind="bars"
          stacked
          unit="count"
          data={calls}
          format={formatCount}
          emptyText="No calls in this window"
          onChoose={opening({})}
        />
      </Panel>
      <Panel title="Failure rate" hint={EACH[bucket]}>
        <TimeChart
          {...common}
          label="Failure rate"
          kind="lines"
          data={rates}
          format={formatPercent}
          emptyText="No call has failed in this window"
          onChoose={opening({ hasError: true })}
        />
      </Panel>
      <Panel title="Duration" hint="half of the calls, and 19 of 20, took less">
        <TimeChart
          {...common}
          label="Duration"
          kind="lines"
          unit="duration"
          data={durations}
          format={formatDuration}
          emptyText="No call has ended in this window"
          onChoose={opening({ sort: "duration" })}
        />
      </Panel>
    </>
  );
}
