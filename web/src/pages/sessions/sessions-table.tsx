import { Link } from "@tanstack/react-router";
import type { Session } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatShort, NOTHING } from "@/lib/format";
import { Failed } from "./failed";
import { SessionLink } from "./session-link";

const COLUMNS: readonly Column<Session>[] = [
  { key: "session", header: "Session", render: ({ id }) => <SessionLink id={id} /> },
  { key: "user", header: "User", render: ({ userId }) => <UserLink id={userId} /> },
  { key: "runs", header: "Runs", align: "right", render: ({ runCount }) => formatCount(runCount) },
  {
    key: "failed",
    header: "Failed",
    hint: "Runs that failed",
    align: "right",
    render: ({ failedCount }) => <Failed count={failedCount} />,
  },
  { key: "first", header: "First run", render: ({ firstStartedAt }) => <Time value={firstStartedAt} /> },
  { key: "last", header: "Last run", render: ({ lastStartedAt }) => <Time value={lastStartedAt} relative /> },
  { key: "steps", header: "Steps", align: "right", render: ({ stepCount }) => formatCount(stepCount) },
  {
    key: "errors",
    header: "Errors",
    hint: "Steps that failed",
    align: "right",
    render: ({ errorCount }) => <Failed count={errorCount} />,
  },
  {
    key: "tokens",
    header: "Tokens",
    hint: "Input and output together",
    align: "right",
    render: ({ inputTokens, outputTokens }) => (
      <span title={`${formatCount(inputTokens)} in, ${formatCount(outputTokens)} out`}>
        {formatShort(inputTokens + outputTokens)}
      </span>
    ),
  },
  { key: "cost", header: "Cost", align: "right", render: ({ costUsd }) => formatCost(costUsd) },
];

export function SessionsTable({ sessions }: { sessions: readonly Session[] }) {
  return <DataTable label="Sessions" columns={COLUMNS} rows={sessions} rowKey={({ id }) => id} />;
}

function UserLink({ id }: { id: number | null }) {
  if (id === null) return NOTHING;
  return (
    <Link to="/users/$userId" params={{ userId: String(id) }}>
      #{id}
    </Link>
  );
}
