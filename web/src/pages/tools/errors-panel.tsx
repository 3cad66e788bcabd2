import { Link } from "@tanstack/react-router";
import type { components } from "@/api/schema";
import { BarList } from "@/components/charts/bar-list";
import { ExampleRun } from "@/components/example-run";
import { Panel } from "@/components/panel";
import { formatShort } from "@/lib/format";
import { ERRORS_TITLE } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import classes from "./figures.module.css";

export type CommonError = components["schemas"]["CommonError"];

interface ErrorsPanelProps {
  hint?: string;
  errors: readonly CommonError[];
  /** The runs with an error like this one. */
  runsWith: (error: CommonError) => RunsSearch;
  /** Whether it goes without saying whose errors these are. */
  isOfOneTool?: boolean;
}

/** What goes wrong most, and an example of each. */
export function ErrorsPanel({
  hint = "numbers and ids folded",
  errors,
  runsWith,
  isOfOneTool = false,
}: ErrorsPanelProps) {
  const most = errors[0]?.count || 1;
  const sourceOf = ({ subject, toolName }: CommonError) => (subject === "run" ? "run" : (toolName ?? "step"));
  return (
    <Panel title="Commonest errors" hint={hint}>
      {errors.length === 0 ? (
        <p className={classes.none}>No errors in this window</p>
      ) : (
        <BarList
          label="Commonest errors"
          rows={errors.map((error) => ({
            key: `${error.subject} ${error.toolName} ${error.message}`,
            title: error.message,
            color: "var(--ag-fill-danger)",
            share: error.count / most,
            label: (
              <Link to="/runs" search={runsWith(error)}>
                {error.message || "No message"}
              </Link>
            ),
            detail: isOfOneTool ? undefined : <span className={classes.source}>{sourceOf(error)}</span>,
            value: (
              <>
                <Link to="/runs" search={runsWith(error)} className={classes.count} title={ERRORS_TITLE}>
                  {formatShort(error.count)}
                </Link>
                {error.sampleRunId !== null && <ExampleRun runId={error.sampleRunId} />}
              </>
            ),
          }))}
        />
      )}
    </Panel>
  );
}
