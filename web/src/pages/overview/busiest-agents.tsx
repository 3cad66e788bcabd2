import { Link } from "@tanstack/react-router";
import type { FiguresSummary } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatPercent, formatShort } from "@/lib/format";
import { placeOfAgent, scopeOf } from "@/lib/places";
import type { RunsSearch } from "@/pages/runs/search";
import { runsBehind } from "./links";
import classes from "./page.module.css";
import type { PartProps } from "./part";
import type { OverviewSearch } from "./search";

type AgentFigures = FiguresSummary["agents"][number];
const AGENTS = 7;

export function BusiestAgents({ figures, search }: PartProps) {
  return (
    <Panel
      title="Busiest agents"
      className={classes.third}
      actions={
        <Link to="/agents" search={scopeOf(search)} className={classes.all}>
          All agents
        </Link>
      }
    >
      <Loaded query={figures.summary} height={214}>
        {({ agents }) =>
          agents.length === 0 ? (
            <p className={classes.none}>No agent ran in this window</p>
          ) : (
            <DataTable
              label="Busiest agents"
              columns={columnsOf(search)}
              rows={agents.slice(0, AGENTS)}
              rowKey={({ id }) => id ?? "unknown"}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function columnsOf(search: OverviewSearch): Column<AgentFigures>[] {
  const runs = (agent: AgentFigures, more: RunsSearch = {}) =>
    runsBehind(search, { ...more, agentId: agent.id === null ? search.agentId : [agent.id] });
  return [
    {
      key: "agent",
      header: "Agent",
      width: "100%",
      render: ({ name, version }) =>
        name === null ? (
          <span className={classes.quiet}>not known yet</span>
        ) : (
          <Link
            to="/agents/$agentName"
            {...placeOfAgent(name, { ...search, agentId: undefined })}
            title={`${name} ${version}`}
            className={classes.message}
          >
            {name} <span className={classes.quiet}>{version}</span>
          </Link>
        ),
    },
    {
      key: "runs",
      header: "Runs",
      align: "right",
      render: (agent) =>
        agent.id === null ? (
          formatShort(agent.runs)
        ) : (
          <Link to="/runs" search={runs(agent)} className={classes.figure}>
            {formatShort(agent.runs)}
          </Link>
        ),
    },
    {
      key: "failed",
      header: "Failed",
      align: "right",
      render: (agent) =>
        agent.id === null || agent.runsByStatus.FAILED === 0 ? (
          formatShort(agent.runsByStatus.FAILED)
        ) : (
          <Link to="/runs" search={runs(agent, { status: ["FAILED"] })} className={classes.figure}>
            {formatShort(agent.runsByStatus.FAILED)}
          </Link>
        ),
    },
    {
      key: "success",
      header: "Success",
      align: "right",
      render: (agent) =>
        agent.id === null ? (
          formatPercent(agent.successRate)
        ) : (
          <Link to="/runs" search={runs(agent, { status: ["SUCCESS"] })} className={classes.figure}>
            {formatPercent(agent.successRate)}
          </Link>
        ),
    },
  ];
}
