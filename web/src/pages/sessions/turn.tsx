import { Skeleton, Text } from "@mantine/core";
import { useIntersection } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Run, RunSummary } from "@/api/shapes";
import { ErrorNotice } from "@/components/notices";
import { ErrorView } from "@/components/payload/error-view";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatCost, formatDuration, NOTHING, plural, shortId } from "@/lib/format";
import { Saying } from "./saying";
import classes from "./turn.module.css";
import { useTurn } from "./use-session-runs";

/** A run of a session: what was asked, and what the agent answered. Both are loaded when one comes near. */
export function Turn({ run, number }: { run: RunSummary; number: number }) {
  const { ref, entry } = useIntersection({ rootMargin: "600px" });
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (entry?.isIntersecting) setSeen(true);
  }, [entry]);
  const turn = useTurn(run, isSeen);
  return (
    <article ref={ref} className={classes.turn} aria-label={`Run ${number}`}>
      <header className={classes.head}>
        <span className={classes.number}>{number}</span>
        <h3 className={classes.name}>
          <Link to="/runs/$runId" params={{ runId: run.id }}>
            {run.name || shortId(run.id)}
          </Link>
        </h3>
        <StatusBadge status={run.status} />
        <span className={classes.facts}>
          {run.agentName && (
            <span>
              {run.agentName} {run.agentVersion}
            </span>
          )}
          <Time value={run.startedAt} />
          <span>{run.durationMs === null ? NOTHING : formatDuration(run.durationMs)}</span>
          <span>{plural(run.stepCount, "step")}</span>
          {run.errorCount > 0 && <span className={classes.bad}>{plural(run.errorCount, "error")}</span>}
          <span>{formatCost(run.costUsd)}</span>
        </span>
      </header>
      {turn.data ? (
        <Sayings run={turn.data} />
      ) : turn.error ? (
        <ErrorNotice error={turn.error} onRetry={turn.refetch} />
      ) : (
        <Skeleton height={90} role="status" aria-label="Loading" />
      )}
    </article>
  );
}

function Sayings({ run }: { run: Run }) {
  const isOpen = run.status === "RUNNING" || run.status === "PENDING";
  return (
    <>
      <Saying by="user" value={run.input} />
      {run.error !== null && run.error !== undefined && (
        <div className={classes.error}>
          <ErrorView error={run.error} />
        </div>
      )}
      <Saying by="assistant" value={run.output} />
      {isOpen && (run.output ?? null) === null && (
        <Text size="sm" c="dimmed">
          The agent is still at work. Its answer appears here.
        </Text>
      )}
    </>
  );
}
