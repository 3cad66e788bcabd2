import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { EmptyState, Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { SessionFinder } from "./session-finder";
import { SessionsTable } from "./sessions-table";

const route = getRouteApi("/signed-in/sessions");
const PAGE_SESSIONS = 50;
const REFRESH_MS = 30_000;

/** Conversations across runs, the one with the latest run first. */
export function SessionsPage() {
  const { cursor } = route.useSearch();
  const sessions = useQuery({
    queryKey: ["sessions", "page", cursor ?? null],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/sessions", { params: { query: { limit: PAGE_SESSIONS, cursor } }, signal })),
    // Older pages stay as they are.
    refetchInterval: cursor === undefined ? REFRESH_MS : false,
  });
  return (
    <Page title="Sessions" actions={<SessionFinder />}>
      <Loaded query={sessions} height={500}>
        {({ items, nextCursor }) =>
          items.length === 0 && cursor === undefined ? (
            <EmptyState title="There are no sessions yet">
              Give runs of one conversation the same <code>sessionId</code>, and they stand together here.{" "}
              <Link to="/start">Send a trace.</Link>
            </EmptyState>
          ) : (
            <Panel
              title={cursor === undefined ? "Latest sessions" : "Older sessions"}
              hint="The one with the latest run first"
            >
              <SessionsTable sessions={items} />
              <Group justify="flex-end" gap="xs" mt="xs">
                {cursor !== undefined && (
                  <Button component={Link} to="/sessions" variant="default">
                    Latest
                  </Button>
                )}
                {nextCursor !== null && (
                  <Button
                    variant="default"
                    renderRoot={(props) => <Link {...props} to="/sessions" search={{ cursor: nextCursor }} />}
                  >
                    Older
                  </Button>
                )}
              </Group>
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}
