import { Button } from "@mantine/core";
import { IconMoon, IconSend } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState, Loaded } from "@/components/notices";
import { Time } from "@/components/time";
import { windowAround } from "./links";
import { useLatestRun } from "./queries";
import type { OverviewSearch } from "./search";

/** Nothing in this window: because there is nothing at all, or because one looks at another time or agent. */
export function EmptyWindow({ search }: { search: OverviewSearch }) {
  const latest = useLatestRun(true);
  return (
    <Loaded query={latest} height={240}>
      {(run) =>
        run === null ? (
          <EmptyState title="No runs yet" icon={<IconSend size={28} />}>
            <p>
              Send a first trace, with curl, Python or OpenTelemetry: this page then shows how your agents do, what
              fails, how long it takes and what it costs.
            </p>
            <Button renderRoot={(props) => <Link to="/start" {...props} />}>Send your first trace</Button>
          </EmptyState>
        ) : (
          <EmptyState
            title={search.agentId ? "No runs of these agents in this window" : "No runs in this window"}
            icon={<IconMoon size={28} />}
          >
            <p>
              The latest run{search.agentId && " of any agent"} began <Time value={run.startedAt} relative />.
            </p>
            <Button.Group>
              <Button
                variant="default"
                renderRoot={(props) => <Link to="/" search={windowAround(run.startedAt)} {...props} />}
              >
                Show the day around it
              </Button>
              {search.agentId && (
                <Button
                  variant="default"
                  renderRoot={(props) => <Link to="/" search={{ ...search, agentId: undefined }} {...props} />}
                >
                  Show all agents
                </Button>
              )}
            </Button.Group>
          </EmptyState>
        )
      }
    </Loaded>
  );
}
