import { IconAlertCircle, IconChevronDown, IconChevronRight, IconUnlink } from "@tabler/icons-react";
import { memo } from "react";
import { formatCost, formatCount, formatDuration, plural } from "@/lib/format";
import { segmentsInView } from "./critical-path";
import { KindIcon, kindFill, kindLabel } from "./kind-icon";
import { barOf, type Span, spanOf } from "./layout";
import classes from "./rows.module.css";
import { type StepRow, stepLabel } from "./steps";
import { PLACED } from "./tree";

/** Cells do not take the focus: the tree has it, and says which row is active. */
const CELL = { role: "gridcell" } as const;
const INDENT_PX = 14;
const MOST_INDENTS = 16;

export interface RowProps {
  id: string;
  index: number;
  top: number;
  step: StepRow;
  depth: number;
  /** Undefined without children. */
  isOpen: boolean | undefined;
  /** How many are below it. */
  below: number;
  /** Of those, how many failed. */
  failedBelow: number;
  /** One of `PLACED`. */
  placed: number;
  isFocused: boolean;
  isChosen: boolean;
  isMatch: boolean;
  view: Span;
  openEnd: number;
  /** Whether the run has ended: then what has not will not any more. */
  isOver: boolean;
  /** Undefined where the critical path is not shown; null where the step is not on it. */
  critical: readonly Span[] | null | undefined;
}

/** A step: where it stands in the tree, its figures, and its bar on the time axis. */
export const Row = memo(function Row(props: RowProps) {
  const { id, index, top, step, depth, isOpen, isFocused, isChosen, isMatch, critical } = props;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and says which row is active
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual
    <div
      role="row"
      id={id}
      className={classes.row}
      style={{ transform: `translateY(${top}px)` }}
      aria-level={depth + 1}
      aria-expanded={isOpen}
      aria-selected={isChosen}
      aria-rowindex={index + 2}
      data-index={index}
      data-focused={isFocused || undefined}
      data-match={isMatch || undefined}
      data-faded={critical === null || undefined}
    >
      <NameCell {...props} />
      <FigureCells step={step} isOver={props.isOver} />
      <BarCell {...props} />
    </div>
  );
});

function NameCell({ step, depth, isOpen, below, failedBelow, placed }: RowProps) {
  const label = stepLabel(step);
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <div {...CELL} className={classes.name} style={{ paddingLeft: 4 + Math.min(depth, MOST_INDENTS) * INDENT_PX }}>
      <span className={classes.toggle} data-toggle={isOpen === undefined ? undefined : ""}>
        {isOpen !== undefined && <Chevron size={14} aria-hidden />}
      </span>
      <KindIcon kind={step.kind} />
      {step.status === "FAILED" && (
        <IconAlertCircle size={14} className={classes.failed} role="img" aria-label="Failed" />
      )}
      {placed !== PLACED.byParent && (
        <span className={classes.orphan} title={whyAtRoot(placed, step.parentId)}>
          <IconUnlink size={13} role="img" aria-label={whyAtRoot(placed, step.parentId)} />
        </span>
      )}
      <span className={classes.label} title={titleOf(step, label)}>
        {label}
      </span>
      {step.model && <span className={classes.model}>{step.model}</span>}
      {isOpen === false && (
        <span className={classes.below}>
          {failedBelow > 0 && <span className={classes.failed}>{plural(failedBelow, "error")} in </span>}+
          {formatCount(below)}
        </span>
      )}
    </div>
  );
}

function titleOf(step: StepRow, label: string): string {
  const tool = step.toolName && step.toolName !== label ? ` · ${step.toolName}` : "";
  return `${label}${tool} · ${kindLabel(step.kind)}`;
}

function whyAtRoot(placed: number, parentId: string | null): string {
  return placed === PLACED.parentMissing
    ? `Its parent ${parentId} has not arrived`
    : "Its parents lead back to itself, so it stands at the root";
}

function FigureCells({ step, isOver }: Pick<RowProps, "step" | "isOver">) {
  const tokens = step.inputTokens === null && step.outputTokens === null ? null : tokensOf(step);
  return (
    <>
      <div {...CELL} className={classes.duration}>
        {step.status !== "RUNNING" && formatDuration(step.durationMs)}
        {step.status === "RUNNING" && <span className={classes.running}>{isOver ? "no end" : "running"}</span>}
      </div>
      <div
        {...CELL}
        className={classes.tokens}
        title={
          tokens === null ? undefined : `${formatCount(step.inputTokens)} in, ${formatCount(step.outputTokens)} out`
        }
      >
        {tokens === null ? "" : formatCount(tokens)}
      </div>
      <div {...CELL} className={classes.cost}>
        {step.costUsd === null ? "" : formatCost(step.costUsd)}
      </div>
    </>
  );
}

function tokensOf(step: StepRow): number {
  return (step.inputTokens ?? 0) + (step.outputTokens ?? 0);
}

function BarCell({ step, view, openEnd, critical }: RowProps) {
  const span = spanOf(step, openEnd);
  const bar = span && barOf(span, view);
  return (
    <div {...CELL} className={classes.bars} data-bars="">
      {span === null && <span className={classes.timeless}>no times</span>}
      {span && !bar && (
        <span className={classes.outside} data-side={span.end < view.start ? "before" : "after"}>
          {span.end < view.start ? "‹" : "›"}
        </span>
      )}
      {bar && (
        <span
          className={classes.bar}
          data-status={step.status}
          style={{
            left: `${bar.left * 100}%`,
            width: `${bar.width * 100}%`,
            backgroundColor: step.status === "SUCCESS" ? kindFill(step.kind) : undefined,
          }}
        />
      )}
      {critical && <CriticalBars segments={critical} view={view} />}
    </div>
  );
}

function CriticalBars({ segments, view }: { segments: readonly Span[]; view: Span }) {
  return segmentsInView(segments, view).map((segment) => {
    const bar = barOf(segment, view);
    return (
      bar && (
        <span
          key={segment.start}
          className={classes.critical}
          style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
        />
      )
    );
  });
}
