import { Skeleton } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { Histogram } from "@/components/charts/histogram";
import { TimeChart } from "@/components/charts/time-chart";
import { ErrorNotice, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatDuration, formatPercent } from "@/lib/format";
import { placeOfAgent } from "@/lib/places";
import { DEFAULT_RANGE, type Window, windowOf } from "@/lib/time-range";
import { BUCKET_MS } from "@/pages/overview/chart-data";
import { spanWithin } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import { factorOf, failureRates, type Line, percentilesOf, seriesOf } from "./chart-data";
import type { AgentSearch } from "./search";
import { type Timeseries, useLatency, useTimeseries, type Whose } from "./use-agent";
import { LINES_MAX, type Version, type Versions } from "./versions";

const HEIGHT = 200;

interface ChartsProps {
  agentName: string;
  search: AgentSearch;
  versions: Versions;
  chosen: Version | undefined;
  /** The runs that are looked at, and something more that holds of them. */
  runs: (more?: RunsSearch) => RunsSearch;
}

/** Failures and durations over time, a line each version where they can be told apart. */
export function AgentCharts(props: ChartsProps) {
  const { agentName, search, versions, chosen } = props;
  const parts = chosen ? [chosen] : versions.shown.length <= LINES_MAX && versions.leftOut === 0 ? versions.shown : [];
  const whose: Whose[] = parts.length > 0 ? parts.map(({ id }) => ({ agentId: [id] })) : [{ agentName }];
  const found = useTimeseries(search, whose);
  const failed = found.find(({ error, data }) => error && !data);
  const hint = parts.length > 1 ? "by version" : undefined;
  const data = found.map((query) => query.data);
  const lines = data.flatMap((one, index): Line[] => {
    const version = parts[index];
    const label = version ? version.version || "no version" : agentName;
    return one ? [{ key: String(version?.id ?? "all"), label, buckets: one.buckets }] : [];
  });
  const isWhole = lines.length === whose.length;
  const bucket = data[0]?.bucket ?? "hour";
  const charts = (duration: boolean) =>
    isWhole ? (
      <OverTime {...props} lines={lines} bucket={bucket} isDuration={duration} />
    ) : failed?.error ? (
      <ErrorNotice error={failed.error} onRetry={failed.refetch} />
    ) : (
      <Skeleton height={HEIGHT + 24} role="status" aria-label="Loading" />
    );
  return (
    <>
      <Panel title="Failure rate" hint={["of the runs that have ended", hint].filter(Boolean).join(", ")}>
        {charts(false)}
      </Panel>
      <Panel
        title="Run duration"
        hint={hint ? `p50, ${hint}: half of the runs took less` : "half of the runs, and 19 of 20, took less"}
      >
        {charts(true)}
      </Panel>
    </>
  );
}

type OverTimeProps = ChartsProps & { lines: Line[]; bucket: Timeseries["bucket"]; isDuration: boolean };

function OverTime({ agentName, search, lines, bucket, isDuration, runs, versions }: OverTimeProps) {
  const navigate = useNavigate();
  const bucketMs = BUCKET_MS[bucket] * (isDuration ? 1 : factorOf(lines, bucket));
  const chart = useMemo(() => {
    const [first] = lines;
    if (!isDuration) return failureRates(lines, bucketMs);
    return lines.length === 1 && first ? percentilesOf(first) : seriesOf(lines, ({ durationMs }) => durationMs.p50);
  }, [lines, isDuration, bucketMs]);
  const spanOf = (start: Date, end: Date): Window | undefined =>
    spanWithin(start, end, windowOf(search, Date.now(), DEFAULT_RANGE));
  return (
    <TimeChart
      label={isDuration ? "Run duration" : "Failure rate"}
      kind="lines"
      unit={isDuration ? "duration" : "number"}
      height={HEIGHT}
      data={chart}
      bucketMs={bucketMs}
      format={isDuration ? formatDuration : formatPercent}
      emptyText={isDuration ? "No run has ended in this window" : "No run has failed in this window"}
      onBrush={(start, end) => {
        const span = spanOf(start, end);
        if (span)
          navigate({ to: "/agents/$agentName", ...placeOfAgent(agentName, { agentId: search.agentId, ...span }) });
      }}
      onChoose={(start, end, key) => {
        const span = spanOf(start, end);
        const version = versions.shown.find(({ id }) => String(id) === key);
        const more: RunsSearch = isDuration ? { sort: "duration" } : { status: ["FAILED"] };
        const own = version ? { agentId: [version.id], agentName: undefined } : {};
        if (span) navigate({ to: "/runs", search: { ...runs(more), range: undefined, ...span, ...own } });
      }}
    />
  );
}

/** How long runs took. */
export function AgentHistogram({ search, whose, runs }: Pick<ChartsProps, "search" | "runs"> & { whose: Whose }) {
  const navigate = useNavigate();
  const latency = useLatency(search, whose);
  return (
    <Panel title="How long runs take" hint="each bar leads to its runs">
      <Loaded query={latency} height={HEIGHT + 24}>
        {({ buckets, durationMs }) => (
          <Histogram
            label="Run durations"
            buckets={buckets}
            marks={(["p50", "p95", "p99"] as const).map((key) => ({ label: key, ms: durationMs[key] }))}
            height={HEIGHT}
            noun="run"
            onChoose={(fromMs, toMs) =>
              navigate({
                to: "/runs",
                search: runs({ minDurationMs: Math.floor(fromMs), maxDurationMs: Math.ceil(toMs), sort: "duration" }),
              })
            }
          />
        )}
      </Loaded>
    </Panel>
  );
}
