import { Button } from "@mantine/core";
import { IconMoon, IconRobot } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useAgents } from "@/api/agents";
import type { Agent, FiguresSummary } from "@/api/shapes";
import { EmptyState, Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { TimeRangePicker } from "@/components/time-range-picker";
import { agentNameAt, placeOfAgent } from "@/lib/places";
import { stringifySearch } from "@/lib/search-params";
import { DEFAULT_RANGE } from "@/lib/time-range";
import { runsBehind } from "@/pages/overview/links";
import { useIsOld } from "@/pages/overview/use-is-old";
import type { RunsSearch } from "@/pages/runs/search";
import classes from "@/pages/tools/figures.module.css";
import { AgentCharts, AgentHistogram } from "./agent-charts";
import { AgentTiles } from "./agent-tiles";
import { AgentTroubles, FailedRuns } from "./agent-troubles";
import type { AgentSearch } from "./search";
import { summaryQuery, useVersionFigures, type Whose } from "./use-agent";
import { VersionPicker } from "./version-picker";
import { versionsOf } from "./versions";
import { VersionsTable } from "./versions-table";

const route = getRouteApi("/signed-in/agents/$agentName");

/** One agent: its versions against one another, how long and how well it works, and what goes wrong. */
export function AgentPage() {
  const agentName = agentNameAt(route.useParams().agentName, route.useSearch());
  // Another agent is another page: nothing of this one may stay in view.
  return <OneAgent key={agentName} agentName={agentName} />;
}

function OneAgent({ agentName }: { agentName: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const known = useAgents();
  const all = useQuery(summaryQuery(search, { agentName }));
  return (
    <Page
      title={agentName}
      actions={
        <TimeRangePicker
          value={search}
          otherwise={DEFAULT_RANGE}
          onChange={({ range, from, to }) => navigate({ search: (old) => ({ ...old, range, from, to }) })}
        />
      }
    >
      <Loaded query={known} height={400}>
        {(agents) => (
          <Loaded query={all} height={400}>
            {(summary) => (
              <AgentFigures {...{ agentName, search, known: agents, summary }} isOther={all.isPlaceholderData} />
            )}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}

interface AgentFiguresProps {
  agentName: string;
  search: AgentSearch;
  known: readonly Agent[];
  /** Of all versions. */
  summary: FiguresSummary;
  isOther: boolean;
}

function AgentFigures({ agentName, search, known, summary, isOther }: AgentFiguresProps) {
  const versions = versionsOf(agentName, known, summary.agents);
  const chosen = versions.all.find(({ id }) => id === search.agentId?.[0]);
  const whose: Whose = chosen ? { agentId: [chosen.id] } : { agentName };
  const figures = useVersionFigures(search, versions.shown);
  const own = useQuery(summaryQuery(search, whose));
  const question = stringifySearch({ ...search, agentName, agentId: chosen?.id });
  const isOld = useIsOld(question, own.isPlaceholderData || isOther);
  const runs = (more: RunsSearch = {}): RunsSearch => ({
    ...runsBehind({ ...search, agentId: chosen && [chosen.id] }, more),
    agentName: chosen ? undefined : agentName,
  });
  if (versions.all.length === 0) return isOther ? null : <Unknown />;
  if (summary.runs === 0 && !isOther) return <Idle agentName={agentName} search={search} />;
  return (
    <div className={classes.page} data-fading={isOld || undefined}>
      {versions.all.length > 1 && <VersionPicker {...{ agentName, search, versions, chosen }} />}
      <Loaded query={own} height={72}>
        {(data) => <AgentTiles summary={data} runs={runs} />}
      </Loaded>
      <VersionsTable {...{ agentName, search, versions, figures, chosen }} />
      <div className={classes.grid}>
        <AgentCharts {...{ agentName, search, versions, chosen, runs }} />
      </div>
      <div className={classes.thirds}>
        <AgentHistogram {...{ search, whose, runs }} />
        <AgentTroubles {...{ search, whose, runs }} ids={chosen ? [chosen.id] : versions.all.map(({ id }) => id)} />
      </div>
      <FailedRuns {...{ search, whose, runs }} />
    </div>
  );
}

function Unknown() {
  return (
    <EmptyState title="No agent has this name" icon={<IconRobot size={28} />}>
      <p>Names count with their case. It may also be one of another project.</p>
      <Button variant="default" renderRoot={(props) => <Link to="/agents" {...props} />}>
        Show all agents
      </Button>
    </EmptyState>
  );
}

function Idle({ agentName, search }: { agentName: string; search: AgentSearch }) {
  const { params, search: wider } = placeOfAgent(agentName, { agentId: search.agentId, range: "90d" });
  return (
    <EmptyState title="No runs in this window" icon={<IconMoon size={28} />}>
      <p>This agent is known, but none of its runs began in this window.</p>
      <Button.Group style={{ justifyContent: "center" }}>
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/agents/$agentName" params={params} search={wider} {...props} />}
        >
          Show the last 90 days
        </Button>
        <Button variant="default" renderRoot={(props) => <Link to="/runs" search={{ agentName }} {...props} />}>
          All its runs
        </Button>
      </Button.Group>
    </EmptyState>
  );
}
