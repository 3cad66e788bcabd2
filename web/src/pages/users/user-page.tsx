import { SimpleGrid, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { RUN_STATUSES } from "@/api/shapes";
import { TimeChart } from "@/components/charts/time-chart";
import { KpiTile } from "@/components/kpi-tile";
import { EmptyState, Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { RunsTable } from "@/components/runs-table/runs-table";
import { STATUS_FILL, statusLabel } from "@/components/status-badge";
import { TimeRangePicker } from "@/components/time-range-picker";
import { formatCost, formatCount, formatShort } from "@/lib/format";
import { iso, type RangeSearch } from "@/lib/time-range";
import { SessionsTable } from "@/pages/sessions/sessions-table";
import { totalsOf } from "@/pages/sessions/totals";
import { RANGE_OTHERWISE, RUNS_MAX, type UserFigures, type UserRuns, useUserFigures, useUserRuns } from "./use-users";
import { bucketsOf, sessionsOf } from "./user-figures";

const route = getRouteApi("/signed-in/users/$userId");
const RUNS_SHOWN = 20;
const SESSIONS_SHOWN = 20;

/** One user: how much, when, in which sessions and runs. */
export function UserPage() {
  const search = route.useSearch();
  const { userId } = route.useParams();
  const navigate = route.useNavigate();
  const id = /^\d{1,15}$/.test(userId) ? Number(userId) : undefined;
  if (id === undefined) {
    return (
      <Page title="User">
        <EmptyState title="That is no user's id">
          Ids of users are numbers. <Link to="/users">See all users.</Link>
        </EmptyState>
      </Page>
    );
  }
  const setRange = ({ range, from, to }: RangeSearch) => navigate({ search: (old) => ({ ...old, range, from, to }) });
  return <User id={id} search={search} onRange={setRange} />;
}

interface UserProps {
  id: number;
  search: RangeSearch;
  onRange: (range: RangeSearch) => void;
}

function User({ id, search, onRange }: UserProps) {
  const runs = useUserRuns(id, search);
  // Names, and what is beyond the runs that are loaded, are known there.
  const listed = useUserFigures(search).data?.users.find(({ userId }) => userId === id);
  return (
    <Page
      title={listed?.name ?? `User #${id}`}
      about={listed?.name && <Text c="dimmed">#{id}</Text>}
      actions={<TimeRangePicker value={search} otherwise={RANGE_OTHERWISE} onChange={onRange} />}
    >
      <Loaded query={runs} height={500}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState title="No run of this user in this time">
              Choose a longer time, or <Link to="/users">see all users.</Link>
            </EmptyState>
          ) : (
            <Whole id={id} data={data} listed={listed} search={search} onRange={onRange} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Whole({ id, data, listed, search, onRange }: UserProps & { data: UserRuns; listed: UserFigures | undefined }) {
  const { items, nextCursor, window } = data;
  const sessions = useMemo(() => sessionsOf(items), [items]);
  const range = { range: RANGE_OTHERWISE, ...search };
  return (
    <>
      <Tiles id={id} data={data} listed={listed} range={range} />
      {nextCursor !== null && (
        <Text size="xs" c="dimmed">
          There are more runs than {formatCount(RUNS_MAX)} in this time: the chart and the sessions are those of the
          latest {formatCount(RUNS_MAX)}.
        </Text>
      )}
      <RunsOverTime data={data} from={Date.parse(window.from)} to={Date.parse(window.to)} onRange={onRange} />
      <Panel title="Sessions" hint={countHint(sessions.length, SESSIONS_SHOWN, "session")}>
        {sessions.length === 0 ? (
          <EmptyState title="None of these runs belongs to a session" />
        ) : (
          <SessionsTable sessions={sessions.slice(0, SESSIONS_SHOWN)} isOfOneUser />
        )}
      </Panel>
      <Panel
        title="Latest runs"
        actions={
          <Link to="/runs" search={{ ...range, userId: id }}>
            All runs of this user
          </Link>
        }
      >
        <RunsTable label="Latest runs of this user" rows={items.slice(0, RUNS_SHOWN)} />
      </Panel>
    </>
  );
}

function countHint(count: number, shown: number, noun: string): string {
  return count > shown
    ? `The latest ${shown} of ${formatCount(count)} ${noun}s, with their runs of this time`
    : "With their runs of this time";
}

interface TilesProps {
  id: number;
  data: UserRuns;
  listed: UserFigures | undefined;
  range: RangeSearch;
}

function Tiles({ id, data, listed, range }: TilesProps) {
  const own = totalsOf(data.items);
  // Where not all runs are loaded, the server's sums are the whole ones.
  const isWhole = data.nextCursor === null || listed === undefined;
  const runs = isWhole ? own.runs : listed.runs;
  const failed = isWhole ? own.failed : listed.failedRuns;
  const sessions = isWhole ? own.sessions : listed.sessions;
  const { inputTokens, outputTokens, costUsd } = isWhole ? own : listed;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="xs">
      <KpiTile
        label="Runs"
        value={formatCount(runs)}
        link={(figure) => (
          <Link to="/runs" search={{ ...range, userId: id }}>
            {figure}
          </Link>
        )}
      />
      <KpiTile
        label="Failed runs"
        value={formatCount(failed)}
        link={(figure) => (
          <Link to="/runs" search={{ ...range, userId: id, status: ["FAILED"] }}>
            {figure}
          </Link>
        )}
      />
      <KpiTile label="Sessions" value={formatCount(sessions)} />
      <KpiTile
        label="Tokens"
        value={formatShort(inputTokens + outputTokens)}
        hint={`${formatCount(inputTokens)} in, ${formatCount(outputTokens)} out`}
      />
      <KpiTile label="Cost" value={formatCost(costUsd)} />
    </SimpleGrid>
  );
}

interface RunsOverTimeProps {
  data: UserRuns;
  from: number;
  to: number;
  onRange: (range: RangeSearch) => void;
}

function RunsOverTime({ data, from, to, onRange }: RunsOverTimeProps) {
  const { bucketMs, chart } = useMemo(() => {
    const { bucketMs, starts, counts } = bucketsOf(data.items, from, to);
    const series = RUN_STATUSES.filter((status) => counts.has(status)).map((status) => ({
      key: status,
      label: statusLabel(status),
      color: STATUS_FILL[status],
      values: counts.get(status) ?? [],
    }));
    return { bucketMs, chart: { starts, series } };
  }, [data, from, to]);
  return (
    <Panel title="Runs over time" hint="Drag to narrow the time">
      <TimeChart
        label="Runs of this user over time, by status"
        data={chart}
        bucketMs={bucketMs}
        kind="bars"
        stacked
        height={140}
        format={formatCount}
        onBrush={(start, end) => onRange({ from: iso(start), to: iso(end) })}
      />
    </Panel>
  );
}
