import { Button } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { AgentPicker } from "@/components/agent-picker";
import { Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { TimeRangePicker } from "@/components/time-range-picker";
import { stringifySearch } from "@/lib/search-params";
import { DEFAULT_RANGE, isMoving } from "@/lib/time-range";
import { BusiestAgents } from "./busiest-agents";
import { RunDurationChart, RunsChart, StepDurationChart } from "./charts";
import { CommonErrors } from "./common-errors";
import { EmptyWindow } from "./empty-window";
import { FailingTools } from "./failing-tools";
import { Kpis } from "./kpis";
import { ModelCosts } from "./model-costs";
import classes from "./page.module.css";
import { useFigures } from "./queries";
import { useIsOld } from "./use-is-old";
import { VerdictLine } from "./verdict-line";

const route = getRouteApi("/signed-in/");

/** Whether the agents are fine; and if not, where to look. */
export function OverviewPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const figures = useFigures(search);
  const { summary } = figures;
  // Of another question; the same one asked a minute later is no reason to fade.
  const isOld = useIsOld(stringifySearch({ ...search }), summary.isPlaceholderData);
  const isEmpty = summary.data?.runs === 0 && !isOld;
  return (
    <Page
      title="Overview"
      actions={
        <>
          {!isMoving(search) && (
            <Button
              variant="subtle"
              renderRoot={(props) => <Link to="/" search={{ agentId: search.agentId }} {...props} />}
            >
              Back to last 24 hours
            </Button>
          )}
          <AgentPicker
            value={search.agentId}
            onChange={(agentId) => navigate({ search: (old) => ({ ...old, agentId }) })}
          />
          <TimeRangePicker
            value={search}
            otherwise={DEFAULT_RANGE}
            onChange={(range) => navigate({ search: { ...range, agentId: search.agentId } })}
          />
        </>
      }
    >
      {isEmpty && <EmptyWindow search={search} />}
      <div className={classes.page} data-fading={isOld || undefined} hidden={isEmpty}>
        <Loaded query={summary} height={190}>
          {(data) => (
            <>
              <VerdictLine summary={data} search={search} />
              <Kpis summary={data} search={search} />
            </>
          )}
        </Loaded>
        {/* one notice says that the server does not answer; the parts need not each say it again */}
        <div className={classes.grid} hidden={summary.data === undefined && summary.error !== null}>
          <RunsChart figures={figures} search={search} />
          <CommonErrors figures={figures} search={search} />
          <RunDurationChart figures={figures} search={search} />
          <FailingTools figures={figures} search={search} />
          <StepDurationChart figures={figures} search={search} />
          <ModelCosts figures={figures} search={search} />
          <BusiestAgents figures={figures} search={search} />
        </div>
      </div>
    </Page>
  );
}
