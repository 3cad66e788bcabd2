import { Button, Center, SimpleGrid, Stack, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { RunSummary } from "@/api/shapes";
import { CopyButton } from "@/components/copy-button";
import { KpiTile } from "@/components/kpi-tile";
import { EmptyState, Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatDuration, formatShort, plural } from "@/lib/format";
import { sessionIdAt } from "@/lib/places";
import { RUNS_AT_FIRST, RUNS_MAX } from "./search";
import classes from "./session-page.module.css";
import { Strip } from "./strip";
import { type Totals, totalsOf } from "./totals";
import { Turn } from "./turn";
import { useSessionRuns } from "./use-session-runs";

const route = getRouteApi("/signed-in/sessions/$sessionId");

/** A conversation across runs, in the order in which it went. */
export function SessionPage() {
  const search = route.useSearch();
  const { sessionId: parameter } = route.useParams();
  const sessionId = sessionIdAt(parameter, search);
  const { query, state } = useSessionRuns(sessionId);
  return (
    <Page
      title="Session"
      about={
        <span className={classes.about}>
          <span className={classes.id} title={sessionId}>
            {sessionId}
          </span>
          <CopyButton text={sessionId} label="Copy the session's id" />
          {state === "live" && (
            <Text size="xs" c="dimmed" component="span">
              Updates by itself
            </Text>
          )}
        </span>
      }
      actions={
        <Button renderRoot={(props) => <Link {...props} to="/runs" search={{ sessionId }} />} variant="default">
          As a list of runs
        </Button>
      }
    >
      <Loaded query={query} height={400}>
        {({ items, nextCursor }) =>
          items.length === 0 ? (
            <EmptyState title="There is no run of this session">
              Its runs may have been deleted, or have not arrived yet. <Link to="/sessions">See all sessions.</Link>
            </EmptyState>
          ) : (
            <Conversation runs={items} hasMore={nextCursor !== null} shown={search.runs ?? RUNS_AT_FIRST} />
          )
        }
      </Loaded>
    </Page>
  );
}

interface ConversationProps {
  /** The latest first. */
  runs: readonly RunSummary[];
  hasMore: boolean;
  shown: number;
}

function Conversation({ runs, hasMore, shown }: ConversationProps) {
  const navigate = route.useNavigate();
  const totals = totalsOf(runs);
  const turns = runs.slice(0, shown).toReversed();
  const earlier = runs.length - turns.length;
  return (
    <>
      {hasMore && (
        <Text size="xs" c="var(--ag-warning)">
          This session has more runs: these are figures of the latest {formatCount(RUNS_MAX)}.
        </Text>
      )}
      <Figures totals={totals} first={runs.at(-1)} last={runs[0]} />
      {runs.length > 1 && <Strip runs={runs} />}
      <Panel title="Conversation" hint={plural(runs.length, "run")}>
        {earlier > 0 && (
          <Center mb="sm">
            <Button
              variant="default"
              onClick={() =>
                navigate({
                  search: (old) => ({ ...old, runs: Math.min(shown * 2, RUNS_MAX) }),
                  replace: true,
                  resetScroll: false,
                })
              }
            >
              Show earlier runs ({formatCount(earlier)})
            </Button>
          </Center>
        )}
        <Stack gap="md">
          {turns.map((run, at) => (
            <Turn key={run.id} run={run} number={earlier + at + 1} />
          ))}
        </Stack>
      </Panel>
    </>
  );
}

function Figures({ totals, first, last }: { totals: Totals; first?: RunSummary; last?: RunSummary }) {
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="xs">
        <KpiTile label="Runs" value={formatCount(totals.runs)} />
        <KpiTile label="Failed runs" value={formatCount(totals.failed)} />
        <KpiTile
          label="Time in runs"
          value={formatDuration(totals.durationMs)}
          hint="Durations of the runs that have ended, together"
        />
        <KpiTile label="Steps" value={formatCount(totals.steps)} />
        <KpiTile
          label="Tokens"
          value={formatShort(totals.inputTokens + totals.outputTokens)}
          hint={`${formatCount(totals.inputTokens)} in, ${formatCount(totals.outputTokens)} out`}
        />
        <KpiTile label="Cost" value={formatCost(totals.costUsd)} />
      </SimpleGrid>
      <Text size="xs" c="dimmed">
        From <Time value={first?.startedAt} /> to <Time value={last?.finishedAt ?? last?.startedAt} />
        {last?.userId && (
          <>
            {" · "}
            <Link to="/users/$userId" params={{ userId: String(last.userId) }}>
              User #{last.userId}
            </Link>
          </>
        )}
      </Text>
    </>
  );
}
