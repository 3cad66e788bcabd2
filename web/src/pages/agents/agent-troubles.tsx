import { Link } from "@tanstack/react-router";
import type { ToolFigures } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { RunsTable } from "@/components/runs-table/runs-table";
import { formatPercent, formatShort } from "@/lib/format";
import { placeOfTool } from "@/lib/places";
import { CALLS_TITLE, errorRuns, FAILED_CALLS_TITLE } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import { ErrorsPanel } from "@/pages/tools/errors-panel";
import { FigureLink } from "@/pages/tools/figure-link";
import classes from "@/pages/tools/figures.module.css";
import type { AgentSearch } from "./search";
import { useFailedRuns, useTroubles, type Whose } from "./use-agent";

interface TroublesProps {
  search: AgentSearch;
  whose: Whose;
  /** All versions that the figures are of. */
  ids: readonly number[];
  runs: (more?: RunsSearch) => RunsSearch;
}

/** What goes wrong, and with which tools. */
export function AgentTroubles({ search, whose, ids, runs }: TroublesProps) {
  const troubles = useTroubles(search, whose);
  return (
    <>
      <Panel title="Failing tools" hint="those that fail most">
        <Loaded query={troubles} height={200}>
          {({ topFailing }) =>
            topFailing.length === 0 ? (
              <p className={classes.none}>No tool failed in this window</p>
            ) : (
              <DataTable
                label="Failing tools"
                columns={toolColumns(search, ids, runs)}
                rows={topFailing}
                rowKey={({ toolName }) => toolName ?? ""}
              />
            )
          }
        </Loaded>
      </Panel>
      <Loaded query={troubles} height={240}>
        {({ errors }) => (
          <ErrorsPanel
            errors={errors}
            runsWith={(error) => {
              const { hasError, tool, q } = errorRuns(search, error);
              return runs({ hasError, tool, q });
            }}
          />
        )}
      </Loaded>
    </>
  );
}

/** As many agents as the server tells figures of at once. */
const IDS_MAX = 20;

function toolColumns(search: AgentSearch, ids: readonly number[], runs: TroublesProps["runs"]): Column<ToolFigures>[] {
  const scope = { ...search, agentId: ids.slice(0, IDS_MAX) };
  const failed = ({ toolName }: ToolFigures) =>
    toolName === null ? undefined : runs({ tool: [toolName], hasError: true });
  return [
    {
      key: "tool",
      header: "Tool",
      width: "100%",
      render: ({ toolName }) => (
        <Link
          to="/tools/$toolName"
          {...placeOfTool(toolName, scope)}
          title={toolName ?? undefined}
          className={classes.shortName}
        >
          {toolName ?? "without a tool"}
        </Link>
      ),
    },
    {
      key: "failures",
      header: "Failures",
      align: "right",
      render: (tool) => (
        <FigureLink to={failed(tool)} title={FAILED_CALLS_TITLE}>
          {formatShort(tool.failures)}
        </FigureLink>
      ),
    },
    {
      key: "rate",
      header: "Rate",
      align: "right",
      render: (tool) => (
        <FigureLink to={failed(tool)} title={FAILED_CALLS_TITLE}>
          {formatPercent(tool.failureRate)}
        </FigureLink>
      ),
    },
    {
      key: "calls",
      header: "Calls",
      align: "right",
      render: ({ toolName, calls }) => (
        <FigureLink to={toolName === null ? undefined : runs({ tool: [toolName] })} title={CALLS_TITLE}>
          {formatShort(calls)}
        </FigureLink>
      ),
    },
  ];
}

const RUN_COLUMNS = ["status", "agent", "started", "duration", "steps", "errors", "tokens", "cost"] as const;

/** The failures of late. */
export function FailedRuns({ search, whose, runs }: Omit<TroublesProps, "ids">) {
  const failed = useFailedRuns(search, whose);
  return (
    <Panel
      title="Latest failed runs"
      actions={
        <Link to="/runs" search={runs({ status: ["FAILED"] })} className={classes.all}>
          All failed runs
        </Link>
      }
    >
      <Loaded query={failed} height={200}>
        {({ items }) =>
          items.length === 0 ? (
            <p className={classes.none}>No run has failed in this window</p>
          ) : (
            <RunsTable label="Latest failed runs" rows={items} columns={RUN_COLUMNS} />
          )
        }
      </Loaded>
    </Panel>
  );
}
