import type { Pipeline } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Panel } from "@/components/panel";
import { formatBytes, formatCount, formatDuration } from "@/lib/format";

type Shard = Pipeline["backlog"]["shards"][number];

const COLUMNS: Column<Shard>[] = [
  { key: "shard", header: "Shard", render: (shard) => shard.shard },
  { key: "events", header: "Events", align: "right", render: (shard) => formatCount(shard.events) },
  { key: "bytes", header: "Bytes", align: "right", render: (shard) => formatBytes(shard.bytes) },
  {
    key: "oldest",
    header: "Oldest",
    hint: "How long the oldest event has waited",
    align: "right",
    render: (shard) => formatDuration(shard.oldestSeconds === null ? null : shard.oldestSeconds * 1000),
  },
  { key: "worker", header: "Drained by", render: (shard) => shard.worker ?? "nobody now" },
];

/** What waits, by shard. */
export function Shards({ backlog }: { backlog: Pipeline["backlog"] }) {
  return (
    <Panel
      title="Backlog by shard"
      hint={`${formatCount(backlog.events)} of at most ${formatCount(backlog.eventsMax)} events, ${formatBytes(backlog.bytes)} of ${formatBytes(backlog.bytesMax)}`}
    >
      <DataTable
        label="Backlog by shard"
        columns={COLUMNS}
        rows={backlog.shards}
        rowKey={(shard) => shard.shard}
        maxHeight={260}
      />
    </Panel>
  );
}
