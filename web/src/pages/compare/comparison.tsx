import { Skeleton, Text } from "@mantine/core";
import { useMemo } from "react";
import type { Run } from "@/api/shapes";
import { EmptyState, ErrorNotice } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatCount } from "@/lib/format";
import { alignSteps } from "./align";
import { Facts } from "./facts";
import { StepsPanel } from "./steps-panel";
import { summarise } from "./summary";
import { useComparedSteps, WHOLE_STEPS_MAX } from "./use-compared";

interface ComparisonProps {
  a: Run;
  b: Run;
  onChange: (side: "a" | "b") => void;
}

/** Two runs side by side: in words, in figures, and step by step. */
export function Comparison({ a, b, onChange }: ComparisonProps) {
  const isWhole = a.stepCount <= WHOLE_STEPS_MAX && b.stepCount <= WHOLE_STEPS_MAX;
  const [stepsA, stepsB] = [useComparedSteps(a, isWhole), useComparedSteps(b, isWhole)];
  const [loadedA, loadedB] = [stepsA.data, stepsB.data];
  const rows = useMemo(
    () => (loadedA && loadedB ? alignSteps(loadedA.steps, loadedB.steps) : undefined),
    [loadedA, loadedB],
  );
  const error = stepsA.error ?? stepsB.error;
  return (
    <>
      <Panel title="In short">
        <Text mb="xs" aria-live="polite">
          {a.id === b.id
            ? "This is the same run twice. Choose another one to compare it with."
            : summarise(a, b, rows).join(" ")}
        </Text>
        <Facts a={a} b={b} onChange={onChange} />
      </Panel>
      {rows === undefined ? (
        error ? (
          <ErrorNotice error={error} onRetry={() => Promise.all([stepsA.refetch(), stepsB.refetch()])} />
        ) : (
          <Loading count={a.stepCount + b.stepCount} />
        )
      ) : rows.length === 0 ? (
        <EmptyState title="Neither run has a step">There is nothing to compare but the runs themselves.</EmptyState>
      ) : (
        <StepsPanel a={a} b={b} rows={rows} isWhole={isWhole} isCut={Boolean(loadedA?.isCut || loadedB?.isCut)} />
      )}
    </>
  );
}

function Loading({ count }: { count: number }) {
  return (
    <Panel title="Steps" hint={`Loading ${formatCount(count)} steps…`}>
      <Skeleton height={300} role="status" aria-label="Loading" />
    </Panel>
  );
}
