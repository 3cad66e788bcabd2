import { Button } from "@mantine/core";
import { IconTool } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/notices";
import type { RangeSearch } from "@/lib/time-range";

/** No step at all began in this window. */
export function NoTools({ isPicked, range: { range, from, to } }: { isPicked: boolean; range: RangeSearch }) {
  return (
    <EmptyState
      title={isPicked ? "These agents used no tools in this window" : "No tool was used in this window"}
      icon={<IconTool size={28} />}
    >
      <p>A tool stands here when a step names it as its tool, or a span as what it calls.</p>
      <Button.Group style={{ justifyContent: "center" }}>
        {isPicked ? (
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/tools" search={{ range, from, to }} {...props} />}
          >
            Show all agents
          </Button>
        ) : (
          <Button variant="default" renderRoot={(props) => <Link to="/tools" search={{ range: "90d" }} {...props} />}>
            Show the last 90 days
          </Button>
        )}
        <Button variant="default" renderRoot={(props) => <Link to="/start" {...props} />}>
          Send a trace
        </Button>
      </Button.Group>
    </EmptyState>
  );
}
