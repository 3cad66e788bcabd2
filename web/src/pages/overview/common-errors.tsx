import { Link } from "@tanstack/react-router";
import { BarList } from "@/components/charts/bar-list";
import { ExampleRun } from "@/components/example-run";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatShort } from "@/lib/format";
import { coveredHint } from "./covered";
import { ERRORS_TITLE, errorRuns } from "./links";
import classes from "./page.module.css";
import type { PartProps } from "./part";

/** What goes wrong most. */
export function CommonErrors({ figures, search }: PartProps) {
  return (
    <Panel
      title="Commonest errors"
      hint={coveredHint(figures.tools.data?.window) ?? "numbers and ids folded"}
      className={classes.narrow}
    >
      <Loaded query={figures.tools} height={214}>
        {({ errors }) =>
          errors.length === 0 ? (
            <p className={classes.none}>No errors in this window</p>
          ) : (
            <BarList
              label="Commonest errors"
              rows={errors.map((error) => ({
                key: `${error.subject} ${error.toolName} ${error.message}`,
                title: error.message,
                color: "var(--ag-fill-danger)",
                share: error.count / (errors[0]?.count || 1),
                label: (
                  <Link to="/runs" search={errorRuns(search, error)}>
                    {error.message || "No message"}
                  </Link>
                ),
                detail: error.subject === "run" ? "run" : (error.toolName ?? "step"),
                value: (
                  <>
                    <Link to="/runs" search={errorRuns(search, error)} className={classes.figure} title={ERRORS_TITLE}>
                      {formatShort(error.count)}
                    </Link>
                    {error.sampleRunId !== null && <ExampleRun runId={error.sampleRunId} />}
                  </>
                ),
              }))}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
