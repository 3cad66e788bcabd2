import { useMemo } from "react";
import { formatDuration, formatPercent, plural } from "@/lib/format";
import { sharesOf } from "./critical-path";
import classes from "./path-summary.module.css";
import type { Timeline } from "./use-timeline";

const SHOWN = 6;

/** What the run's time went into: the steps that its end had to wait for, by tool. */
export function PathSummary({ timeline: { tree, path } }: { timeline: Timeline }) {
  const shares = useMemo(() => (path ? sharesOf(tree, path) : []), [tree, path]);
  if (!path || shares.length === 0) return null;
  const rest = shares.slice(SHOWN);
  return (
    <section className={classes.summary} aria-label="Critical path by tool">
      <span className={classes.lead}>The end waited for</span>
      <ul className={classes.shares}>
        {shares.slice(0, SHOWN).map(({ label, ms, share, steps }) => (
          <li key={label} title={steps > 0 ? plural(steps, "step") : undefined}>
            <span className={classes.label}>{label}</span> {formatDuration(ms)} ({formatPercent(share)})
          </li>
        ))}
        {rest.length > 0 && <li>{plural(rest.length, "other")}</li>}
      </ul>
    </section>
  );
}
