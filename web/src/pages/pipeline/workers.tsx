import { Badge } from "@mantine/core";
import type { Pipeline } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState } from "@/components/notices";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { formatCount } from "@/lib/format";

type Worker = Pipeline["workers"][number];

const COLUMNS: Column<Worker>[] = [
  { key: "name", header: "Worker", render: (worker) => worker.name },
  {
    key: "state",
    header: "State",
    render: (worker) =>
      worker.lost ? (
        <Badge color="red">lost</Badge>
      ) : (
        <Badge color={worker.state === "busy" ? "iris" : "gray"}>{worker.state}</Badge>
      ),
  },
  { key: "job", header: "Works on", render: (worker) => <Job job={worker.job} /> },
  { key: "host", header: "Host", render: (worker) => `${worker.host}, pid ${worker.pid}` },
  { key: "started", header: "Started", render: (worker) => <Time value={worker.startedAt} relative /> },
  { key: "seen", header: "Heard from", render: (worker) => <Time value={worker.lastSeenAt} relative /> },
  { key: "done", header: "Jobs done", align: "right", render: (worker) => formatCount(worker.jobsDone) },
  { key: "failed", header: "Failed", align: "right", render: (worker) => formatCount(worker.jobsFailed) },
];

function Job({ job }: { job: Worker["job"] }) {
  if (job === null) return "–";
  return (
    <>
      {job.name}
      {job.shard !== null && ` ${job.shard}`}
      {job.startedAt && (
        <>
          , since <Time value={job.startedAt} relative />
        </>
      )}
    </>
  );
}

/** The processes that store what was accepted. */
export function Workers({ workers }: { workers: readonly Worker[] }) {
  return (
    <Panel title="Workers">
      {workers.length === 0 ? (
        <EmptyState title="No worker runs">
          What was accepted waits on disk until one does: start it with <code>agentguide worker</code>.
        </EmptyState>
      ) : (
        <DataTable label="Workers" columns={COLUMNS} rows={workers} rowKey={(worker) => worker.name} maxHeight={320} />
      )}
    </Panel>
  );
}
