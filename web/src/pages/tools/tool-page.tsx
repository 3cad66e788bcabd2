import { getRouteApi, Link } from "@tanstack/react-router";
import { AgentPicker } from "@/components/agent-picker";
import { Histogram } from "@/components/charts/histogram";
import { Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { RunsTable } from "@/components/runs-table/runs-table";
import { TimeRangePicker } from "@/components/time-range-picker";
import { scopeOf, toolNameAt } from "@/lib/places";
import { stringifySearch } from "@/lib/search-params";
import { DEFAULT_RANGE } from "@/lib/time-range";
import { errorRuns, runsBehind } from "@/pages/overview/links";
import { useIsOld } from "@/pages/overview/use-is-old";
import type { RunsSearch } from "@/pages/runs/search";
import { ErrorsPanel } from "./errors-panel";
import { sumsOf } from "./figures";
import classes from "./figures.module.css";
import type { ToolSearch } from "./search";
import { ToolCharts } from "./tool-charts";
import { ToolTiles } from "./tool-tiles";
import { UnusedTool } from "./unused-tool";
import { useFailedRuns, useTool } from "./use-tool";

const route = getRouteApi("/signed-in/tools/$toolName");

const HEIGHT = 200;
const ERRORS = 7;
const NO_PERCENTILES = { p50: null, p90: null, p95: null, p99: null };

/** One tool: how often it is called and fails, how long it takes, and with what errors. */
export function ToolPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const toolName = toolNameAt(route.useParams().toolName, search);
  return (
    <Page
      title={toolName ?? "Steps without a tool"}
      actions={
        <>
          <AgentPicker
            value={search.agentId}
            onChange={(agentId) => navigate({ search: (old) => ({ ...old, agentId }), resetScroll: false })}
          />
          <TimeRangePicker
            value={search}
            otherwise={DEFAULT_RANGE}
            onChange={({ range, from, to }) => navigate({ search: (old) => ({ ...old, range, from, to }) })}
          />
        </>
      }
    >
      {/* Another tool is another page: nothing of this one may stay in view. */}
      <Tool key={JSON.stringify(toolName)} toolName={toolName} search={search} />
    </Page>
  );
}

interface ToolProps {
  toolName: string | null;
  search: ToolSearch;
}

function Tool({ toolName, search }: ToolProps) {
  const { timeseries, latency, before, errors } = useTool(search, toolName);
  const isOld = useIsOld(stringifySearch({ ...search }), timeseries.isPlaceholderData);
  const runs =
    toolName === null ? undefined : (more: RunsSearch = {}) => runsBehind(search, { ...more, tool: [toolName] });
  if (timeseries.data && !isOld && sumsOf(timeseries.data.buckets).calls === 0) {
    return <UnusedTool toolName={toolName} search={search} />;
  }
  return (
    <div className={classes.page} data-fading={isOld || undefined}>
      <Loaded query={timeseries} height={72}>
        {({ buckets }) => (
          <ToolTiles
            now={{ buckets, durationMs: latency.data?.durationMs ?? NO_PERCENTILES }}
            before={before.isPlaceholderData ? undefined : before.data}
            runs={runs}
          />
        )}
      </Loaded>
      <div className={classes.grid}>
        <Loaded query={timeseries} height={HEIGHT}>
          {(data) => <ToolCharts toolName={toolName} search={search} data={data} runs={runs} />}
        </Loaded>
        <Panel title="How long calls take">
          <Loaded query={latency} height={HEIGHT + 24}>
            {({ buckets, durationMs }) => (
              <Histogram
                label="Durations of calls"
                buckets={buckets}
                marks={(["p50", "p95", "p99"] as const).map((key) => ({ label: key, ms: durationMs[key] }))}
                height={HEIGHT}
                noun="call"
              />
            )}
          </Loaded>
        </Panel>
      </div>
      <Loaded query={errors} height={160}>
        {(found) => (
          <ErrorsPanel
            isOfOneTool
            hint="of the 100 commonest in this window; numbers and ids folded"
            errors={found.errors
              .filter((error) => error.subject === "step" && error.toolName === toolName)
              .slice(0, ERRORS)}
            runsWith={(error) => errorRuns(search, error)}
          />
        )}
      </Loaded>
      {toolName !== null && <FailedRuns toolName={toolName} search={search} />}
    </div>
  );
}

function FailedRuns({ toolName, search }: { toolName: string; search: ToolSearch }) {
  const failed = useFailedRuns(search, toolName);
  return (
    <Panel
      title="Latest runs with an error"
      hint="that use this tool; the error may be of another step"
      actions={
        <Link to="/runs" search={{ ...scopeOf(search), tool: [toolName], hasError: true }} className={classes.all}>
          All of them
        </Link>
      }
    >
      <Loaded query={failed} height={200}>
        {({ items }) =>
          items.length === 0 ? (
            <p className={classes.none}>No run with this tool has an error in this window</p>
          ) : (
            <RunsTable label="Latest runs with an error" rows={items} />
          )
        }
      </Loaded>
    </Panel>
  );
}
