import { Link } from "@tanstack/react-router";
import type { ToolFigures } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatDuration, formatPercent, formatShort } from "@/lib/format";
import { placeOfTool, scopeOf } from "@/lib/places";
import { coveredHint } from "./covered";
import { CALLS_TITLE, FAILED_CALLS_TITLE, runsBehind } from "./links";
import classes from "./page.module.css";
import type { PartProps } from "./part";
import type { OverviewSearch } from "./search";

export function FailingTools({ figures, search }: PartProps) {
  return (
    <Panel
      title="Top failing tools"
      hint={coveredHint(figures.tools.data?.window)}
      className={classes.narrow}
      actions={
        <Link to="/tools" search={scopeOf(search)} className={classes.all}>
          All tools
        </Link>
      }
    >
      <Loaded query={figures.tools} height={214}>
        {({ topFailing }) =>
          topFailing.length === 0 ? (
            <p className={classes.none}>No tool failed in this window</p>
          ) : (
            <DataTable
              label="Top failing tools"
              columns={columnsOf(search)}
              rows={topFailing}
              rowKey={({ toolName }) => toolName ?? ""}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function columnsOf(search: OverviewSearch): Column<ToolFigures>[] {
  // No filter finds the runs of steps without a tool.
  const failures = ({ toolName }: ToolFigures, figure: string) =>
    toolName === null ? (
      figure
    ) : (
      <Link
        to="/runs"
        search={runsBehind(search, { tool: [toolName], hasError: true })}
        className={classes.figure}
        title={FAILED_CALLS_TITLE}
      >
        {figure}
      </Link>
    );
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
          className={classes.message}
        >
          {toolName ?? "without a tool"}
        </Link>
      ),
    },
    {
      key: "failures",
      header: "Failures",
      align: "right",
      render: (tool) => failures(tool, formatShort(tool.failures)),
    },
    {
      key: "rate",
      header: "Rate",
      align: "right",
      render: (tool) => failures(tool, formatPercent(tool.failureRate)),
    },
    {
      key: "calls",
      header: "Calls",
      align: "right",
      render: ({ toolName, calls }) =>
        toolName === null ? (
          formatShort(calls)
        ) : (
          <Link
            to="/runs"
            search={runsBehind(search, { tool: [toolName] })}
            className={classes.figure}
            title={CALLS_TITLE}
          >
            {formatShort(calls)}
          </Link>
        ),
    },
    {
      key: "p95",
      header: "p95",
      align: "right",
      render: ({ toolName, durationMs }) => (
        <Link to="/tools/$toolName" {...placeOfTool(toolName, search)} className={classes.figure}>
          {formatDuration(durationMs.p95)}
        </Link>
      ),
    },
  ];
}
