import { ActionIcon, Badge, Group, Tooltip } from "@mantine/core";
import { IconReplace } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Run } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatDuration, NOTHING, shortId } from "@/lib/format";
import { placeOfAgent } from "@/lib/places";
import { Difference } from "./difference";
import classes from "./facts.module.css";
import { averageScores } from "./scores";

interface FactsProps {
  a: Run;
  b: Run;
  /** Another run is to be chosen for this side. */
  onChange: (side: "a" | "b") => void;
}

type Line = "a" | "b" | "difference";

interface Figure {
  key: string;
  header: string;
  hint?: string;
  of: (run: Run) => number | null | undefined;
  format: (value: number | null | undefined) => string;
  /** Less of it is good news. */
  lessIsBetter?: boolean;
}

const FIGURES: readonly Figure[] = [
  { key: "duration", header: "Duration", of: (run) => run.durationMs, format: formatDuration, lessIsBetter: true },
  { key: "steps", header: "Steps", of: (run) => run.stepCount, format: formatCount },
  {
    ...{ key: "errors", header: "Errors", hint: "Steps that failed" },
    ...{ of: (run) => run.errorCount, format: formatCount, lessIsBetter: true },
  },
  { key: "in", header: "Tokens in", of: (run) => run.inputTokens, format: formatCount },
  { key: "out", header: "Tokens out", of: (run) => run.outputTokens, format: formatCount },
  { key: "cost", header: "Cost", of: (run) => run.costUsd, format: formatCost, lessIsBetter: true },
];

/** Both runs, a line each, and below them by what B is more or less than A. */
export function Facts({ a, b, onChange }: FactsProps) {
  const runs = { a, b };
  const text = (key: string, header: string, render: (run: Run, side: "a" | "b") => ReactNode): Column<Line> => ({
    key,
    header,
    render: (line) => (line === "difference" ? "" : render(runs[line], line)),
  });
  const columns: Column<Line>[] = [
    {
      key: "run",
      header: "Run",
      render: (line) =>
        line === "difference" ? (
          <span className={classes.dimmed}>B against A</span>
        ) : (
          <RunName run={runs[line]} side={line} onChange={onChange} />
        ),
    },
    text("status", "Status", (run) => <StatusBadge status={run.status} />),
    text("agent", "Agent", (run) => <AgentName run={run} />),
    text("started", "Started", (run) => <Time value={run.startedAt} />),
    ...[...FIGURES, ...scoresOf(a, b)].map((figure) => columnOf(figure, runs)),
  ];
  return (
    <DataTable
      label="Both runs"
      columns={columns}
      rows={["a", "b", "difference"] satisfies Line[]}
      rowKey={(line) => line}
    />
  );
}

function columnOf(
  { key, header, hint, of, format, lessIsBetter }: Figure,
  { a, b }: Record<"a" | "b", Run>,
): Column<Line> {
  return {
    ...{ key, header, hint, align: "right" },
    render: (line) =>
      line === "difference" ? (
        <Difference a={of(a)} b={of(b)} format={format} lessIsBetter={lessIsBetter} />
      ) : (
        format(of(line === "a" ? a : b))
      ),
  };
}

function scoresOf(a: Run, b: Run): Figure[] {
  const [inA, inB] = [averageScores(a.metrics), averageScores(b.metrics)];
  return [...new Set([...inA.keys(), ...inB.keys()])].sort().map((name) => ({
    key: `score ${name}`,
    header: name,
    hint: `Score ${name}; of several the average`,
    of: (run) => (run === a ? inA : inB).get(name),
    format: (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : NOTHING),
  }));
}

function AgentName({ run }: { run: Run }) {
  if (!run.agent) return NOTHING;
  const name = `${run.agent.name} ${run.agent.version}`;
  return (
    <Link to="/agents/$agentName" {...placeOfAgent(run.agent.name)} className={classes.agent} title={name}>
      {name}
    </Link>
  );
}

function RunName({ run, side, onChange }: { run: Run; side: "a" | "b"; onChange: FactsProps["onChange"] }) {
  const name = side.toUpperCase();
  return (
    <Group gap={6} wrap="nowrap">
      <Badge size="sm" circle className={classes.side}>
        {name}
      </Badge>
      <Link to="/runs/$runId" params={{ runId: run.id }} className={classes.name} title={`${run.name ?? ""} ${run.id}`}>
        {run.name || shortId(run.id)}
      </Link>
      <Tooltip label={`Choose another run as ${name}`}>
        <ActionIcon size="sm" onClick={() => onChange(side)} aria-label={`Choose another run as ${name}`}>
          <IconReplace size={14} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
