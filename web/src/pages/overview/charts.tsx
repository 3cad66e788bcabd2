import { useMemo } from "react";
import type { FiguresBucket } from "@/api/shapes";
import { TimeChart } from "@/components/charts/time-chart";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatCount, formatDuration } from "@/lib/format";
import { BUCKET_MS, runDurations, runsByStatus, STACK_ORDER, stepDurations } from "./chart-data";
import classes from "./page.module.css";
import type { PartProps } from "./part";
import { useNarrowing } from "./use-narrowing";

const HEIGHT = 230;
const EACH = { minute: "each minute", hour: "each hour", day: "each day (UTC)" } as const;

type Timeseries = { bucket: keyof typeof BUCKET_MS; buckets: FiguresBucket[] };

export function RunsChart({ figures, search }: PartProps) {
  const { timeseries } = figures;
  return (
    <Panel title="Runs by status" hint={timeseries.data && EACH[timeseries.data.bucket]} className={classes.wide}>
      <Loaded query={timeseries} height={HEIGHT + 24}>
        {(data) => <RunsBars data={data} figures={figures} search={search} />}
      </Loaded>
    </Panel>
  );
}

function RunsBars({ data, figures, search }: PartProps & { data: Timeseries }) {
  const { narrow, openRuns } = useNarrowing(search, figures.asked);
  const chart = useMemo(() => runsByStatus(data.buckets), [data.buckets]);
  return (
    <TimeChart
      label="Runs by status"
      kind="bars"
      stacked
      unit="count"
      height={HEIGHT}
      data={chart}
      bucketMs={BUCKET_MS[data.bucket]}
      format={formatCount}
      emptyText="No runs in this window"
      onBrush={narrow}
      onChoose={(start, end, key) => {
        const status = STACK_ORDER.find((one) => one === key);
        openRuns(start, end, status ? { status: [status] } : {});
      }}
    />
  );
}

export function RunDurationChart({ figures, search }: PartProps) {
  const { timeseries } = figures;
  return (
    <Panel title="Run duration" hint="half of the runs, and 19 of 20, took less" className={classes.wide}>
      <Loaded query={timeseries} height={HEIGHT + 24}>
        {(data) => <RunDurationLines data={data} figures={figures} search={search} />}
      </Loaded>
    </Panel>
  );
}

function RunDurationLines({ data, figures, search }: PartProps & { data: Timeseries }) {
  const { narrow, openRuns } = useNarrowing(search, figures.asked);
  const chart = useMemo(() => runDurations(data.buckets), [data.buckets]);
  return (
    <TimeChart
      label="Run duration"
      kind="lines"
      unit="duration"
      height={HEIGHT}
      data={chart}
      bucketMs={BUCKET_MS[data.bucket]}
      format={formatDuration}
      emptyText="No run has ended in this window"
      onBrush={narrow}
      onChoose={(start, end) => openRuns(start, end, { sort: "duration" })}
    />
  );
}

export function StepDurationChart({ figures, search }: PartProps) {
  const { timeseries } = figures;
  return (
    <Panel title="Step duration" hint="average" className={classes.third}>
      <Loaded query={timeseries} height={HEIGHT + 24}>
        {(data) => <StepDurationLine data={data} figures={figures} search={search} />}
      </Loaded>
    </Panel>
  );
}

function StepDurationLine({ data, figures, search }: PartProps & { data: Timeseries }) {
  const { narrow, openRuns } = useNarrowing(search, figures.asked);
  const chart = useMemo(() => stepDurations(data.buckets), [data.buckets]);
  return (
    <TimeChart
      label="Step duration, average"
      kind="area"
      unit="duration"
      height={HEIGHT}
      data={chart}
      bucketMs={BUCKET_MS[data.bucket]}
      format={formatDuration}
      emptyText="No step has ended in this window"
      onBrush={narrow}
      onChoose={(start, end) => openRuns(start, end, { sort: "duration" })}
    />
  );
}
