import { ActionIcon, Stack, Tooltip } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Run } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { ErrorNotice, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { StatusBadge } from "@/components/status-badge";
import { formatCost, formatCount, formatDuration, NOTHING } from "@/lib/format";
import { stepLabel } from "@/pages/run/steps";
import type { Row } from "./align";
import type { RowSide } from "./compared-step";
import { PayloadPair } from "./payload-pair";
import { useWholeStep } from "./use-compared";

interface RowDetailProps {
  a: Run;
  b: Run;
  row: Row;
  /** The row is that of the runs themselves. */
  isRun: boolean;
  onClose: () => void;
}

interface Payloads {
  input?: unknown;
  output?: unknown;
  error?: unknown;
}

/** Both sides of the chosen row: figures, and what went in and came out. */
export function RowDetail({ a, b, row, isRun, onClose }: RowDetailProps) {
  const side = row.a ?? row.b;
  return (
    <Panel
      title={side ? stepLabel(side) : "Step"}
      style={{ overflowWrap: "anywhere" }}
      actions={
        <Tooltip label="Close">
          <ActionIcon aria-label="Close" onClick={onClose}>
            <IconX size={16} />
          </ActionIcon>
        </Tooltip>
      }
    >
      <Stack gap="sm">
        <SideFigures a={a} b={b} row={row} isRun={isRun} />
        {isRun ? <Pairs a={a} b={b} /> : <StepPayloads a={a} b={b} row={row} />}
      </Stack>
    </Panel>
  );
}

function StepPayloads({ a, b, row }: Pick<RowDetailProps, "a" | "b" | "row">) {
  const [stepA, stepB] = [useWholeStep(a.id, row.a?.id), useWholeStep(b.id, row.b?.id)];
  if (row.a && row.b) {
    return (
      <Loaded query={stepA}>{(inA) => <Loaded query={stepB}>{(inB) => <Pairs a={inA} b={inB} />}</Loaded>}</Loaded>
    );
  }
  if (row.a) return <Loaded query={stepA}>{(step) => <Pairs a={step} />}</Loaded>;
  if (row.b) return <Loaded query={stepB}>{(step) => <Pairs b={step} />}</Loaded>;
  return <ErrorNotice error={new Error("This row has no step.")} />;
}

function Pairs({ a, b }: { a?: Payloads; b?: Payloads }) {
  return (["input", "output", "error"] as const).map((name) => (
    <PayloadPair key={name} name={name} a={a && (a[name] ?? null)} b={b && (b[name] ?? null)} />
  ));
}

interface FigureLine {
  name: "A" | "B";
  run: Run;
  side: RowSide;
}

function SideFigures({ a, b, row, isRun }: Pick<RowDetailProps, "a" | "b" | "row" | "isRun">) {
  const lines: FigureLine[] = [];
  if (row.a) lines.push({ name: "A", run: a, side: row.a });
  if (row.b) lines.push({ name: "B", run: b, side: row.b });
  const columns: Column<FigureLine>[] = [
    {
      key: "name",
      header: "In",
      render: ({ name, run, side }) => (
        <Link to="/runs/$runId" params={{ runId: run.id }} search={isRun ? {} : { step: side.id }}>
          {isRun ? `Run ${name}` : `${name}, in its run`}
        </Link>
      ),
    },
    { key: "status", header: "Status", render: ({ side }) => <StatusBadge status={side.status} /> },
    { key: "model", header: "Model", render: ({ side }) => side.model ?? NOTHING },
    { key: "duration", header: "Duration", align: "right", render: ({ side }) => formatDuration(side.durationMs) },
    { key: "in", header: "Tokens in", align: "right", render: ({ side }) => formatCount(side.inputTokens) },
    { key: "out", header: "Tokens out", align: "right", render: ({ side }) => formatCount(side.outputTokens) },
    { key: "cost", header: "Cost", align: "right", render: ({ side }) => formatCost(side.costUsd) },
  ];
  return <DataTable label="Figures of both sides" columns={columns} rows={lines} rowKey={(line) => line.name} />;
}
