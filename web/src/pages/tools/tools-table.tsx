import { getRouteApi, Link } from "@tanstack/react-router";
import type { components } from "@/api/schema";
import type { ToolFigures } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Panel } from "@/components/panel";
import { formatCost, formatCount, formatDuration, formatPercent, formatShort, plural } from "@/lib/format";
import { placeOfTool } from "@/lib/places";
import { oneOf } from "@/lib/search-params";
import { CALLS_TITLE, FAILED_CALLS_TITLE, runsBehind } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import { FigureLink } from "./figure-link";
import classes from "./figures.module.css";
import { DEFAULT_SORT, TOOL_SORTS, type ToolsSearch } from "./search";

const route = getRouteApi("/signed-in/tools");

interface ToolsTableProps {
  figures: components["schemas"]["ToolsFigures"];
  search: ToolsSearch;
}

const ORDER = {
  slowest: "the slowest first, by p95",
  failing: "those that fail most first",
  calls: "the most called first",
} as const;

/** More rows scroll by themselves, so that what is below them is not out of reach. */
const ROWS_OF_ITS_OWN = 18;

export function ToolsTable({ figures: { tools, toolsLeftOut }, search }: ToolsTableProps) {
  const navigate = route.useNavigate();
  const { sort = DEFAULT_SORT, all } = search;
  return (
    <Panel title={plural(tools.length + toolsLeftOut, "tool")} hint={ORDER[sort]}>
      <DataTable
        label="Tools"
        columns={columnsOf(search)}
        rows={tools}
        rowKey={({ toolName }) => (toolName === null ? "none" : `tool ${toolName}`)}
        sort={sort}
        maxHeight={tools.length > ROWS_OF_ITS_OWN ? "70vh" : undefined}
        onSort={(key) => {
          const chosen = oneOf(key, TOOL_SORTS);
          navigate({
            search: (old) => ({ ...old, sort: chosen === DEFAULT_SORT ? undefined : chosen }),
            resetScroll: false,
          });
        }}
      />
      {toolsLeftOut > 0 && (
        <p className={classes.note}>
          {plural(toolsLeftOut, "more tool")} {toolsLeftOut === 1 ? "is" : "are"} left out.{" "}
          {!all && (
            <Link to="/tools" search={{ ...search, all: true }} resetScroll={false}>
              Show up to 1,000
            </Link>
          )}
        </p>
      )}
    </Panel>
  );
}

/** What finds runs by their tool finds none for steps without one. */
function runsOf(search: ToolsSearch, { toolName }: ToolFigures, more?: RunsSearch): RunsSearch | undefined {
  return toolName === null ? undefined : runsBehind(search, { ...more, tool: [toolName] });
}

function columnsOf(search: ToolsSearch): Column<ToolFigures>[] {
  const dearest = (tool: ToolFigures) => runsOf(search, tool, { sort: "cost" });
  const longest = (tool: ToolFigures) => runsOf(search, tool, { sort: "duration" });
  const failed = (tool: ToolFigures) => runsOf(search, tool, { hasError: true });
  return [
    {
      key: "tool",
      header: "Tool",
      width: "100%",
      render: ({ toolName }) => (
        <Link
          to="/tools/$toolName"
          {...placeOfTool(toolName, search)}
          title={toolName ?? undefined}
          className={classes.name}
        >
          {toolName ?? <em>steps without a tool</em>}
        </Link>
      ),
    },
    {
      key: "calls",
      header: "Calls",
      align: "right",
      sortable: true,
      render: (tool) => (
        <FigureLink to={runsOf(search, tool)} title={CALLS_TITLE}>
          {formatCount(tool.calls)}
        </FigureLink>
      ),
    },
    {
      key: "failing",
      header: "Failures",
      hint: "Leads to the runs that use the tool and have an error",
      align: "right",
      sortable: true,
      render: (tool) =>
        tool.failures === 0 ? (
          <span className={classes.dimmed}>0</span>
        ) : (
          <span className={classes.bad}>
            <FigureLink to={failed(tool)} title={FAILED_CALLS_TITLE}>
              {formatCount(tool.failures)}
            </FigureLink>
          </span>
        ),
    },
    {
      key: "rate",
      header: "Failure rate",
      hint: "Leads to the runs that use the tool and have an error",
      align: "right",
      render: (tool) =>
        tool.failures === 0 ? (
          <span className={classes.dimmed}>{formatPercent(tool.failureRate)}</span>
        ) : (
          <FigureLink to={failed(tool)} title={FAILED_CALLS_TITLE}>
            {formatPercent(tool.failureRate)}
          </FigureLink>
        ),
    },
    duration("avg", "Avg", longest),
    duration("p50", "p50", longest),
    duration("p95", "p95", longest),
    duration("p99", "p99", longest),
    {
      key: "tokens",
      header: "Tokens",
      hint: "Input and output together",
      align: "right",
      render: (tool) => <Spent amount={tool.inputTokens + tool.outputTokens} format={formatShort} to={dearest(tool)} />,
    },
    {
      key: "cost",
      header: "Cost",
      align: "right",
      render: (tool) => <Spent amount={tool.costUsd} format={formatCost} to={dearest(tool)} />,
    },
  ];
}

function duration(
  key: keyof ToolFigures["durationMs"],
  header: string,
  longest: (tool: ToolFigures) => RunsSearch | undefined,
): Column<ToolFigures> {
  const isSorted = key === "p95";
  return {
    key: isSorted ? "slowest" : key,
    header,
    hint: "Of its steps. Leads to the runs that use the tool, the longest first",
    align: "right",
    sortable: isSorted,
    render: (tool) => {
      const ms = tool.durationMs[key];
      return <FigureLink to={ms === null ? undefined : longest(tool)}>{formatDuration(ms)}</FigureLink>;
    },
  };
}

interface SpentProps {
  amount: number;
  format: (amount: number) => string;
  to: RunsSearch | undefined;
}

function Spent({ amount, format, to }: SpentProps) {
  if (amount === 0) return <span className={classes.dimmed}>{format(0)}</span>;
  return <FigureLink to={to}>{format(amount)}</FigureLink>;
}
