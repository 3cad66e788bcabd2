import { Button } from "@mantine/core";
import { IconRobot } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Agent, FiguresSummary } from "@/api/shapes";
import { DataTable } from "@/components/data-table";
import { EmptyState } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatCount, plural } from "@/lib/format";
import { oneOf } from "@/lib/search-params";
import classes from "@/pages/tools/figures.module.css";
import { agentColumns, type Line, linesOf } from "./columns";
import { agentRows, isAscending, sortRows } from "./figures";
import { AGENT_SORTS, type AgentsSearch, DEFAULT_SORT } from "./search";

const route = getRouteApi("/signed-in/agents");

interface AgentsTableProps {
  summary: FiguresSummary;
  known: readonly Agent[];
  search: AgentsSearch;
}

export function AgentsTable({ summary, known, search }: AgentsTableProps) {
  const navigate = route.useNavigate();
  const { agentId, sort = DEFAULT_SORT, reverse, open } = search;
  const picked = agentId ? known.filter(({ id }) => agentId.includes(id)) : known;
  const rows = sortRows(agentRows(summary.agents, picked), sort, reverse);
  if (rows.length === 0) return <NoAgents isPicked={agentId !== undefined} />;

  function chooseSort(key: string) {
    const chosen = oneOf(key, AGENT_SORTS) ?? DEFAULT_SORT;
    const flips = chosen === sort && !reverse;
    navigate({
      search: (old) => ({
        ...old,
        sort: chosen === DEFAULT_SORT ? undefined : chosen,
        reverse: flips || undefined,
      }),
      resetScroll: false,
    });
  }

  function toggle(name: string) {
    const others = open?.filter((one) => one !== name) ?? [];
    const opened = open?.includes(name) ? others : [...others, name];
    navigate({ search: (old) => ({ ...old, open: opened.length > 0 ? opened : undefined }), resetScroll: false });
  }

  const active = rows.filter(({ runs }) => runs > 0).length;
  return (
    <Panel
      title="How each agent does"
      hint={`${formatCount(active)} of ${plural(rows.length, "agent")} ran in this window`}
    >
      <DataTable<Line>
        label="Agents"
        columns={agentColumns(search, summary.agentsLeftOut > 0, toggle)}
        rows={linesOf(rows, open ?? [])}
        rowKey={(line) => line.key}
        sort={sort}
        isAscending={isAscending(sort, reverse)}
        onSort={chooseSort}
      />
      {summary.agentsLeftOut > 0 && (
        <p className={classes.note}>
          The figures are those of the 100 versions with most runs. {plural(summary.agentsLeftOut, "more version")} ran
          too: pick agents to see theirs.
        </p>
      )}
    </Panel>
  );
}

function NoAgents({ isPicked }: { isPicked: boolean }) {
  if (isPicked) {
    return (
      <EmptyState title="None of these agents is known" icon={<IconRobot size={28} />}>
        <Button variant="default" renderRoot={(props) => <Link to="/agents" {...props} />}>
          Show all agents
        </Button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No agents yet" icon={<IconRobot size={28} />}>
      <p>An agent stands here as soon as its first run is sent. It need not be registered.</p>
      <Button renderRoot={(props) => <Link to="/start" {...props} />}>Send your first trace</Button>
    </EmptyState>
  );
}
