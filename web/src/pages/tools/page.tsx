import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { AgentPicker } from "@/components/agent-picker";
import { Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { TimeRangePicker } from "@/components/time-range-picker";
import { stringifySearch } from "@/lib/search-params";
import { DEFAULT_RANGE } from "@/lib/time-range";
import { errorRuns } from "@/pages/overview/links";
import { useIsOld } from "@/pages/overview/use-is-old";
import { ErrorsPanel } from "./errors-panel";
import classes from "./figures.module.css";
import { NoTools } from "./no-tools";
import { DEFAULT_SORT } from "./search";
import { ToolsTable } from "./tools-table";
import { windowQuery } from "./window-query";

const route = getRouteApi("/signed-in/tools");

const LIMIT = 100;
const LIMIT_MAX = 1000;
const ERRORS = 12;

/** What agents call: how often, how long that takes, and how often it fails. */
export function ToolsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { agentId, sort = DEFAULT_SORT, all, range, from, to } = search;
  const more = { agentId, sort, limit: all ? LIMIT_MAX : LIMIT, top: 0, errors: ERRORS };
  const tools = useQuery(
    windowQuery(["tools", more], search, (window, signal) =>
      answer(api.GET("/v1/metrics/tools", { params: { query: { ...window, ...more } }, signal })),
    ),
  );
  const isOld = useIsOld(stringifySearch({ range, from, to, agentId, sort, all }), tools.isPlaceholderData);
  return (
    <Page
      title="Tools"
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
        <Loaded query={tools} height={400}>
          {(data) =>
            data.tools.length === 0 && !isOld ? (
              <NoTools isPicked={agentId !== undefined} range={search} />
            ) : (
              <>
                <ToolsTable figures={data} search={search} />
                <ErrorsPanel errors={data.errors} runsWith={(error) => errorRuns(search, error)} />
              </>
            )
          }
        </Loaded>
      </div>
    </Page>
  );
}
