import { IconArrowUpRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import classes from "./example-run.module.css";

/** Beside an error: one of the runs that had it. */
export function ExampleRun({ runId }: { runId: string }) {
  const label = "Open a run with this error";
  return (
    <Link to="/runs/$runId" params={{ runId }} className={classes.link} aria-label={label} title={label}>
      <IconArrowUpRight size={14} aria-hidden />
    </Link>
  );
}
