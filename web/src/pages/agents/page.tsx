import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useAgents } from "@/api/agents";
import { answer, api } from "@/api/client";
import { AgentPicker } from "@/components/agent-picker";
import { Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { TimeRangePicker } from "@/components/time-range-picker";
import { stringifySearch } from "@/lib/search-params";
import { DEFAULT_RANGE } from "@/lib/time-range";
import { useIsOld } from "@/pages/overview/use-is-old";
import classes from "@/pages/tools/figures.module.css";
import { windowQuery } from "@/pages/tools/window-query";
import { AgentsTable } from "./agents-table";

const route = getRouteApi("/signed-in/agents");

/** Which agents there are and how each of them does, all of its versions together. */
export function AgentsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { agentId, range, from, to } = search;
  const known = useAgents();
  const summary = useQuery(
    windowQuery(["summary", { agentId }], search, (window, signal) =>
      answer(api.GET("/v1/metrics/summary", { params: { query: { ...window, agentId } }, signal })),
    ),
  );
  const isOld = useIsOld(stringifySearch({ range, from, to, agentId }), summary.isPlaceholderData);
  return (
    <Page
      title="Agents"
      actions={
        <>
          <AgentPicker
            value={agentId}
            onChange={(ids) => navigate({ search: (old) => ({ ...old, agentId: ids }), resetScroll: false })}
          />
          <TimeRangePicker
            value={search}
            otherwise={DEFAULT_RANGE}
            onChange={(chosen) =>
              navigate({ search: (old) => ({ ...old, range: chosen.range, from: chosen.from, to: chosen.to }) })
            }
          />
        </>
      }
    >
      <div className={classes.page} data-fading={isOld || undefined}>
        <Loaded query={known} height={320}>
          {(agents) => (
            <Loaded query={summary} height={320}>
              {(data) => <AgentsTable summary={data} known={agents} search={search} />}
            </Loaded>
          )}
        </Loaded>
      </div>
    </Page>
  );
}
