import { ActionIcon, SegmentedControl, Text, Tooltip } from "@mantine/core";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useEffectEvent, useMemo } from "react";
import type { Run } from "@/api/shapes";
import { EmptyState } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatCount } from "@/lib/format";
import { pairOf, type Row } from "./align";
import { wholeRunOf } from "./compared-step";
import { RowDetail } from "./row-detail";
import { countRows, nextDifference, shownRows } from "./row-list";
import { RowList } from "./row-list-view";
import classes from "./steps-panel.module.css";
import { STEPS_MAX, WHOLE_STEPS_MAX } from "./use-compared";

interface StepsPanelProps {
  a: Run;
  b: Run;
  rows: readonly Row[];
  /** Whether what steps carry was compared for all of them. */
  isWhole: boolean;
  isCut: boolean;
}

const RUN_ROW = "run";
const route = getRouteApi("/signed-in/compare");

/** The aligned steps, and both sides of the chosen one. */
export function StepsPanel({ a, b, rows, isWhole, isCut }: StepsPanelProps) {
  const { only, row: chosenKey } = route.useSearch();
  const navigate = route.useNavigate();
  const all = useMemo(() => [pairOf(RUN_ROW, wholeRunOf(a), wholeRunOf(b), 0), ...rows], [a, b, rows]);
  const shown = useMemo(() => shownRows(all, only), [all, only]);
  const counts = useMemo(() => countRows(rows), [rows]);
  const at = shown.findIndex((row) => row.key === chosenKey);
  const chosen = at === -1 ? all.find((row) => row.key === chosenKey) : shown[at];
  const choose = (key: string | undefined, replace = false) =>
    navigate({ search: (old) => ({ ...old, row: key }), replace, resetScroll: false });
  const step = (by: 1 | -1) => {
    const next = nextDifference(shown, at === -1 && by === -1 ? shown.length : at, by);
    if (next !== undefined) choose(shown[next]?.key, true);
  };
  useDifferenceKeys(step);
  const differences = counts.changed + counts.onlyA + counts.onlyB;
  return (
    <div className={classes.split} data-open={chosen !== undefined || undefined}>
      <Panel
        title="Steps"
        hint={`${formatCount(counts.same)} the same · ${formatCount(counts.changed)} changed · ${formatCount(counts.onlyA)} only in A · ${formatCount(counts.onlyB)} only in B`}
        actions={
          <>
            <SegmentedControl
              size="xs"
              aria-label="Which steps are shown"
              value={only ?? "all"}
              onChange={(value) =>
                navigate({
                  search: (old) => ({ ...old, only: value === "differences" ? "differences" : undefined }),
                  resetScroll: false,
                })
              }
              data={[
                { value: "all", label: "All" },
                { value: "differences", label: "Differences" },
              ]}
            />
            <StepButton label="Previous difference (p)" Icon={IconChevronUp} onClick={() => step(-1)} />
            <StepButton label="Next difference (n)" Icon={IconChevronDown} onClick={() => step(1)} />
          </>
        }
      >
        <Notes isWhole={isWhole} isCut={isCut} />
        {shown.length === 0 ? (
          <EmptyState title="No step differs">
            {isWhole ? "Both runs did the same." : "Inputs and outputs were not compared: choose a step to do so."}
          </EmptyState>
        ) : (
          <RowList rows={shown} chosen={at} onChoose={choose} differences={differences} />
        )}
      </Panel>
      {chosen && (
        <RowDetail
          key={chosen.key}
          a={a}
          b={b}
          row={chosen}
          isRun={chosen.key === RUN_ROW}
          onClose={() => choose(undefined)}
        />
      )}
    </div>
  );
}

function StepButton({ label, Icon, onClick }: { label: string; Icon: typeof IconChevronUp; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={onClick}>
        <Icon size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

function Notes({ isWhole, isCut }: { isWhole: boolean; isCut: boolean }) {
  return (
    <>
      {!isWhole && (
        <Text size="xs" c="dimmed" mb={6}>
          These runs have more than {WHOLE_STEPS_MAX} steps: inputs and outputs are loaded and compared for the step
          that you choose only.
        </Text>
      )}
      {isCut && (
        <Text size="xs" c="var(--ag-warning)" mb={6}>
          Only the first {formatCount(STEPS_MAX)} steps of a run are compared. There are more.
        </Text>
      )}
    </>
  );
}

/** `n` and `p`, wherever one is but in a field. */
function useDifferenceKeys(step: (by: 1 | -1) => void): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    if (event.key !== "n" && event.key !== "p") return;
    event.preventDefault();
    step(event.key === "n" ? 1 : -1);
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=radio]), textarea, select"))
  );
}
