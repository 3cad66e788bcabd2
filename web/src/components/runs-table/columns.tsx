import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { RunSummary } from "@/api/shapes";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatDuration, formatShort, NOTHING, shortId } from "@/lib/format";
import { placeOfAgent, placeOfSession } from "@/lib/places";
import { useNow } from "@/lib/use-now";
import classes from "./runs-table.module.css";

interface RunColumn {
  header: string;
  hint?: string;
  align?: "right";
  width: number;
  /** What the list is sorted by when this header is chosen. */
  sort?: "time" | "duration" | "cost" | "steps";
  /** Its links are reached with Tab in the row where the keyboard is. */
  render: (run: RunSummary, tabIndex: number) => ReactNode;
}

/** All that a row can say besides which run it is. In this order. */
export const RUN_COLUMNS = {
  status: { header: "Status", width: 104, render: (run) => <Status run={run} /> },
  agent: { header: "Agent", width: 180, render: (run, tabIndex) => <AgentLink run={run} tabIndex={tabIndex} /> },
  started: { header: "Started", width: 128, sort: "time", render: (run) => <Time value={run.startedAt} /> },
  duration: {
    header: "Duration",
    align: "right",
    width: 92,
    sort: "duration",
    hint: "From start to end; of a run that still goes on, how long it has",
    render: (run) => <Duration run={run} />,
  },
  steps: { header: "Steps", align: "right", width: 66, sort: "steps", render: (run) => formatCount(run.stepCount) },
  errors: {
    header: "Errors",
    align: "right",
    width: 60,
    hint: "Steps that failed",
    render: (run) =>
      run.errorCount > 0 ? <span className={classes.bad}>{formatCount(run.errorCount)}</span> : <Dim>0</Dim>,
  },
  tokens: {
    header: "Tokens",
    align: "right",
    width: 76,
    hint: "Input and output together",
    render: (run) => <Tokens run={run} />,
  },
  cost: {
    header: "Cost",
    align: "right",
    width: 84,
    sort: "cost",
    render: (run) => (run.costUsd > 0 ? formatCost(run.costUsd) : <Dim>$0</Dim>),
  },
  session: { header: "Session", width: 130, render: (run, tabIndex) => <SessionLink run={run} tabIndex={tabIndex} /> },
  user: { header: "User", width: 64, render: (run, tabIndex) => <UserLink run={run} tabIndex={tabIndex} /> },
  tags: { header: "Tags", width: 190, render: (run) => <Tags tags={run.tags} /> },
} as const satisfies Record<string, RunColumn>;
export type RunColumnKey = keyof typeof RUN_COLUMNS;
export const RUN_COLUMN_KEYS = Object.keys(RUN_COLUMNS) as RunColumnKey[]; // `keys` forgets what keys the object has

export const USUAL_COLUMNS: readonly RunColumnKey[] = [
  "status",
  "agent",
  "started",
  "duration",
  "steps",
  "errors",
  "tokens",
  "cost",
  "session",
];

export function columnOf(key: RunColumnKey): RunColumn {
  return RUN_COLUMNS[key];
}

/** What a run is called: by its name, else its agent, else its id. */
export function runTitle(run: RunSummary): string {
  return run.name || run.agentName || shortId(run.id);
}

function Status({ run }: { run: RunSummary }) {
  return (
    <>
      <StatusBadge status={run.status} />
      {run.stale && (
        <span className={classes.stale} title="It has said nothing for longer than the project allows">
          stale
        </span>
      )}
    </>
  );
}

interface LinkProps {
  run: RunSummary;
  tabIndex: number;
}

function AgentLink({ run, tabIndex }: LinkProps) {
  if (run.agentName === null) return <Dim>{NOTHING}</Dim>;
  return (
    <Link
      to="/agents/$agentName"
      {...placeOfAgent(run.agentName)}
      className={classes.quiet}
      tabIndex={tabIndex}
      title={`${run.agentName} ${run.agentVersion ?? ""}`}
    >
      {run.agentName} <Dim>{run.agentVersion}</Dim>
    </Link>
  );
}

function SessionLink({ run, tabIndex }: LinkProps) {
  if (run.sessionId === null) return <Dim>{NOTHING}</Dim>;
  return (
    <Link
      to="/sessions/$sessionId"
      {...placeOfSession(run.sessionId)}
      className={classes.quiet}
      tabIndex={tabIndex}
      title={run.sessionId}
    >
      {run.sessionId}
    </Link>
  );
}

function UserLink({ run, tabIndex }: LinkProps) {
  if (run.userId === null) return <Dim>{NOTHING}</Dim>;
  return (
    <Link to="/users/$userId" params={{ userId: String(run.userId) }} className={classes.quiet} tabIndex={tabIndex}>
      #{run.userId}
    </Link>
  );
}

export function Duration({ run }: { run: RunSummary }) {
  if (run.durationMs !== null) return formatDuration(run.durationMs);
  return run.status === "RUNNING" ? <Elapsed since={run.startedAt} /> : <Dim>{NOTHING}</Dim>;
}

function Elapsed({ since }: { since: string }) {
  const seconds = Math.max(0, Math.floor((useNow(1000) - Date.parse(since)) / 1000));
  return (
    <span className={classes.running} title="So far">
      {formatDuration(seconds * 1000)}
    </span>
  );
}

function Tokens({ run }: { run: RunSummary }) {
  const total = run.inputTokens + run.outputTokens;
  if (total === 0) return <Dim>0</Dim>;
  return (
    <span title={`${formatCount(run.inputTokens)} in, ${formatCount(run.outputTokens)} out`}>{formatShort(total)}</span>
  );
}

function Tags({ tags }: { tags: RunSummary["tags"] }) {
  const names = tagTexts(tags);
  if (names.length === 0) return <Dim>{NOTHING}</Dim>;
  return <span title={names.join(", ")}>{names.join(", ")}</span>;
}

export function tagTexts(tags: RunSummary["tags"]): string[] {
  if (tags === null) return [];
  if (Array.isArray(tags)) return tags.map(textOf);
  return Object.entries(tags).map(([key, value]) => (value === true ? key : `${key}=${textOf(value)}`));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Dim({ children }: { children: ReactNode }) {
  return <span className={classes.dim}>{children}</span>;
}
