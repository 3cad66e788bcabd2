import { SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { Pipeline } from "@/api/shapes";
import { BarList } from "@/components/charts/bar-list";
import { TimeChart } from "@/components/charts/time-chart";
import { KpiTile } from "@/components/kpi-tile";
import { EmptyState, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatBytes, formatCount, formatDuration, formatRate, formatShort } from "@/lib/format";
import { BUCKET_MS, ended, flowOf, lagOf, refusalRows, startsOf } from "./figures";
import { Shards } from "./shards";
import { Workers } from "./workers";

const REFRESH_MS = 5_000;

/** What the whole server takes in, stores, and has waiting. */
export function ServerFigures() {
  const pipeline = useQuery({
    queryKey: ["pipeline"],
    queryFn: ({ signal }) => answer(api.GET("/v1/pipeline", { signal })),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Loaded query={pipeline} height={480}>
      {(found) => <Figures pipeline={found} />}
    </Loaded>
  );
}

function Figures({ pipeline }: { pipeline: Pipeline }) {
  const minutes = Math.round(pipeline.windowSeconds / 60);
  const buckets = ended(pipeline.buckets);
  const starts = startsOf(buckets);
  return (
    <Stack gap="sm">
      <Tiles pipeline={pipeline} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm">
        <Panel title="Accepted and stored" hint={`a second, last ${minutes} min`}>
          <TimeChart
            label="Events accepted and stored a second"
            data={{ starts, series: flowOf(buckets) }}
            kind="lines"
            bucketMs={BUCKET_MS}
            format={formatRate}
          />
        </Panel>
        <Panel title="From accepted to visible" hint={`last ${minutes} min`}>
          <TimeChart
            label="Time from acceptance to being stored"
            data={{ starts, series: lagOf(buckets) }}
            kind="lines"
            unit="duration"
            bucketMs={BUCKET_MS}
            format={formatDuration}
            emptyText="Nothing was stored in this window"
          />
        </Panel>
        <Shards backlog={pipeline.backlog} />
        <Refusals pipeline={pipeline} minutes={minutes} />
      </SimpleGrid>
      <Workers workers={pipeline.workers} />
    </Stack>
  );
}

function Tiles({ pipeline }: { pipeline: Pipeline }) {
  const { backlog, lagMs } = pipeline;
  const share = backlog.eventsMax > 0 ? backlog.events / backlog.eventsMax : 0;
  const lost = pipeline.workers.filter((worker) => worker.lost).length;
  const over = `over the last ${pipeline.rateSeconds} s`;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      <KpiTile label="Accepted" value={formatRate(pipeline.acceptedPerSecond)} hint={over} />
      <KpiTile label="Stored" value={formatRate(pipeline.storedPerSecond)} hint={over} />
      <KpiTile label="Lag p50" value={formatDuration(lagMs.p50)} hint={`From acceptance to being stored, ${over}`} />
      <KpiTile label="Lag p99" value={formatDuration(lagMs.p99)} hint={`From acceptance to being stored, ${over}`} />
      <KpiTile
        label="Backlog"
        value={formatShort(backlog.events)}
        hint={`${formatCount(backlog.events)} events, ${formatBytes(backlog.bytes)}: ${(share * 100).toFixed(1)} % of what may wait before ingest says 503`}
      />
      <KpiTile
        label="Workers"
        value={
          lost > 0 ? `${pipeline.workers.length - lost} of ${pipeline.workers.length}` : String(pipeline.workers.length)
        }
        hint={lost > 0 ? `${lost} silent for longer than their work explains` : "All of them have been heard from"}
      />
    </SimpleGrid>
  );
}

function Refusals({ pipeline, minutes }: { pipeline: Pipeline; minutes: number }) {
  const rows = refusalRows(pipeline);
  return (
    <Panel title="Refused, cut, redacted" hint={`last ${minutes} min`}>
      {rows.length === 0 ? (
        <EmptyState title="Nothing was refused">Every request was taken as it came.</EmptyState>
      ) : (
        <BarList label="Refusals by reason" rows={rows} />
      )}
    </Panel>
  );
}
