import { Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { TimeRangePicker } from "@/components/time-range-picker";
import { formatCost, formatCount, formatPercent, formatShort, NOTHING, plural } from "@/lib/format";
import type { RangeSearch } from "@/lib/time-range";
import { RANGE_OTHERWISE, type UserFigures, useUserFigures } from "./use-users";

const route = getRouteApi("/signed-in/users");

/** For whom agents worked. */
export function UsersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const figures = useUserFigures(search);
  return (
    <Page
      title="Users"
      actions={
        <TimeRangePicker
          value={search}
          otherwise={RANGE_OTHERWISE}
          onChange={({ range, from, to }) => navigate({ search: (old) => ({ ...old, range, from, to }) })}
        />
      }
    >
      <Loaded query={figures} height={400}>
        {({ users, usersLeftOut }) =>
          users.length === 0 ? (
            <EmptyState title="No run of this time names a user">
              Choose a longer time, or give runs a <code>userId</code>. <Link to="/start">Send a trace.</Link>
            </EmptyState>
          ) : (
            <Panel title="Users with runs" hint="Most runs first">
              <DataTable label="Users" columns={columnsOf(search)} rows={users} rowKey={({ userId }) => userId} />
              {usersLeftOut > 0 && (
                <Text size="xs" c="dimmed" mt="xs">
                  {plural(usersLeftOut, "user")} with fewer runs {usersLeftOut === 1 ? "is" : "are"} left out.
                </Text>
              )}
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}

function columnsOf(range: RangeSearch): Column<UserFigures>[] {
  return [
    {
      key: "user",
      header: "User",
      render: ({ userId, name }) => (
        <Link to="/users/$userId" params={{ userId: String(userId) }} search={range}>
          {name ?? `User #${userId}`}
        </Link>
      ),
    },
    { key: "id", header: "Id", align: "right", render: ({ userId }) => userId },
    {
      key: "runs",
      header: "Runs",
      align: "right",
      render: ({ userId, runs }) => (
        <Link to="/runs" search={{ range: RANGE_OTHERWISE, ...range, userId }}>
          {formatCount(runs)}
        </Link>
      ),
    },
    {
      key: "failed",
      header: "Failed",
      hint: "Runs that failed",
      align: "right",
      render: ({ userId, failedRuns }) =>
        failedRuns === 0 ? (
          <Text span inherit c="dimmed">
            0
          </Text>
        ) : (
          <Link to="/runs" search={{ range: RANGE_OTHERWISE, ...range, userId, status: ["FAILED"] }}>
            {formatCount(failedRuns)}
          </Link>
        ),
    },
    {
      key: "rate",
      header: "Failed of all",
      hint: "Of all runs, those that have not ended among them. Rates of agents are of the runs that have ended",
      align: "right",
      render: ({ runs, failedRuns }) => (runs > 0 ? formatPercent(failedRuns / runs) : NOTHING),
    },
    { key: "sessions", header: "Sessions", align: "right", render: ({ sessions }) => formatCount(sessions) },
    { key: "in", header: "Tokens in", align: "right", render: ({ inputTokens }) => formatShort(inputTokens) },
    { key: "out", header: "Tokens out", align: "right", render: ({ outputTokens }) => formatShort(outputTokens) },
    { key: "cost", header: "Cost", align: "right", render: ({ costUsd }) => formatCost(costUsd) },
    {
      key: "last",
      header: "Last run",
      align: "right",
      render: ({ lastRunId, lastRunAt }) => (
        <Link to="/runs/$runId" params={{ runId: lastRunId }}>
          <Time value={lastRunAt} relative />
        </Link>
      ),
    },
  ];
}
