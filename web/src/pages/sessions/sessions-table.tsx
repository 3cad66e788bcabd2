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
  {
    key: "first",
    header: "First run",
    align: "right",
    render: ({ firstStartedAt }) => <Time value={firstStartedAt} />,
  },
  {
    key: "last",
    header: "Last run",
    align: "right",
    render: ({ lastStartedAt }) => <Time value={lastStartedAt} relative />,
  },
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

const OF_ONE_USER = COLUMNS.filter(({ key }) => key !== "user");

interface SessionsTableProps {
  sessions: readonly Session[];
  /** Whether all of them are of one user, who need not be named then. */
  isOfOneUser?: boolean;
}

export function SessionsTable({ sessions, isOfOneUser = false }: SessionsTableProps) {
  return (
    <DataTable label="Sessions" columns={isOfOneUser ? OF_ONE_USER : COLUMNS} rows={sessions} rowKey={({ id }) => id} />
  );
}

function UserLink({ id }: { id: number | null }) {
  if (id === null) return NOTHING;
  return (
    <Link to="/users/$userId" params={{ userId: String(id) }}>
      #{id}
    </Link>
  );
}
