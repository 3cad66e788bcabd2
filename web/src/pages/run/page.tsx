import { Button, Skeleton, Stack, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useEffect } from "react";
import { ApiError } from "@/api/client";
import { EmptyState, ErrorNotice } from "@/components/notices";
import { Page } from "@/components/page";
import { shortId } from "@/lib/format";
import { RunActions, RunState } from "./header";
import { RunView } from "./run-view";
import { useRun } from "./use-run";
import type { SetSearch } from "./use-timeline";

const route = getRouteApi("/signed-in/runs/$runId");
const WAIT_SECONDS = 20;

export function RunPage() {
  const { runId } = route.useParams();
  return <OneRun key={runId} runId={runId} />;
}

function OneRun({ runId }: { runId: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const setSearch = useCallback<SetSearch>(
    (patch, replace = false) => {
      navigate({ search: (old) => ({ ...old, ...patch }), replace, resetScroll: false });
    },
    [navigate],
  );
  const query = useRun(runId, search.wait);
  const run = query.data;
  const { refetch } = query;
  useEffect(() => {
    if (search.wait !== undefined) refetch();
  }, [search.wait, refetch]);
  // It is there: whoever gets this link need not wait for it.
  useEffect(() => {
    if (run && search.wait !== undefined) setSearch({ wait: undefined }, true);
  }, [run, search.wait, setSearch]);

  if (run) {
    return (
      <Page
        title={run.name || run.agent?.name || `Run ${shortId(run.id)}`}
        about={<RunState run={run} />}
        actions={<RunActions run={run} />}
      >
        {query.error && (
          <Text size="xs" c="var(--ag-warning)" role="status">
            This may be old: {query.error.message}
          </Text>
        )}
        <RunView run={run} search={search} setSearch={setSearch} />
      </Page>
    );
  }
  return (
    <Page title={`Run ${shortId(runId)}`}>
      {query.error instanceof ApiError && query.error.status === 404 && !query.isFetching ? (
        <NotThere
          runId={runId}
          onWait={() => (search.wait === undefined ? setSearch({ wait: WAIT_SECONDS }, true) : refetch())}
        />
      ) : query.error && !query.isFetching ? (
        <ErrorNotice error={query.error} onRetry={query.refetch} />
      ) : (
        <Loading isWaiting={search.wait !== undefined} />
      )}
    </Page>
  );
}

function Loading({ isWaiting }: { isWaiting: boolean }) {
  return (
    <Stack gap="sm" role="status" aria-label={isWaiting ? "Waiting for the run" : "Loading"}>
      {isWaiting && <EmptyState title="Waiting for the run to arrive…" />}
      <Skeleton height={44} />
      <Skeleton height={420} />
    </Stack>
  );
}

function NotThere({ runId, onWait }: { runId: string; onWait: () => void }) {
  return (
    <EmptyState title="There is no such run">
      <Stack gap="sm" align="center">
        <span>
          {runId} is not here. If it was only just sent, it may still be on its way. If it is older, it may have been
          deleted, or belong to another project.
        </span>
        <Button onClick={onWait}>Wait for it</Button>
        <Link to="/runs">See all runs</Link>
      </Stack>
    </EmptyState>
  );
}
