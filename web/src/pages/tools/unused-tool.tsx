import { Button } from "@mantine/core";
import { IconTool } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/notices";
import { placeOfTool } from "@/lib/places";
import type { ToolSearch } from "./search";

/** No call in the window: nobody used it then, or there is no such tool. */
export function UnusedTool({ toolName, search }: { toolName: string | null; search: ToolSearch }) {
  const { params, search: wider } = placeOfTool(toolName, { range: "90d" });
  return (
    <EmptyState
      title={toolName === null ? "Every step has a tool in this window" : "Nobody used this tool in this window"}
      icon={<IconTool size={28} />}
    >
      <p>
        {search.agentId ? "At least none of the agents that are picked." : "It may have been called at another time."}
      </p>
      <Button.Group style={{ justifyContent: "center" }}>
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/tools/$toolName" params={params} search={wider} {...props} />}
        >
          Show the last 90 days of all agents
        </Button>
        <Button variant="default" renderRoot={(props) => <Link to="/tools" {...props} />}>
          All tools
        </Button>
      </Button.Group>
    </EmptyState>
  );
}
