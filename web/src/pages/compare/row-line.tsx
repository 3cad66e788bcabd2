import { IconAlertCircle, IconEqual, IconMinus, IconPlayerPlay, IconPlus, IconTilde } from "@tabler/icons-react";
import { formatDuration } from "@/lib/format";
import { stepLabel } from "@/pages/run/steps";
import type { Row } from "./align";
import type { RowSide } from "./compared-step";
import classes from "./row-list.module.css";

const STATES = {
  same: { label: "the same", Icon: IconEqual },
  changed: { label: "changed", Icon: IconTilde },
  onlyA: { label: "only in A", Icon: IconMinus },
  onlyB: { label: "only in B", Icon: IconPlus },
} as const;

const INDENT_PX = 12;
const INDENTS_MAX = 10;

interface RowLineProps {
  id: string;
  row: Row;
  top: number;
  place: number;
  count: number;
  isChosen: boolean;
  onChoose: () => void;
}

export function RowLine({ id, row, top, place, count, isChosen, onChoose }: RowLineProps) {
  const { label, Icon } = STATES[row.state];
  const indent = Math.min(row.depth, INDENTS_MAX) * INDENT_PX;
  const words = wordsOf(row);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the list, which has the focus
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      aria-setsize={count}
      aria-posinset={place + 1}
      className={classes.row}
      data-state={row.state}
      data-chosen={isChosen || undefined}
      style={{ top }}
      onClick={onChoose}
    >
      <span className={classes.mark} title={label}>
        <Icon size={13} aria-hidden />
        <span className={classes.hidden}>{label}</span>
      </span>
      <SideCell side={row.a} indent={indent} missing="Not in A" />
      <SideCell side={row.b} indent={indent} missing="Not in B" />
      <span className={classes.differs} title={words}>
        {words}
      </span>
    </div>
  );
}

function SideCell({ side, indent, missing }: { side: RowSide | undefined; indent: number; missing: string }) {
  if (!side) {
    return (
      <span className={classes.missing}>
        <span className={classes.hidden}>{missing}</span>
      </span>
    );
  }
  const label = stepLabel(side);
  return (
    <span className={classes.side} style={{ paddingLeft: indent }}>
      {side.status === "FAILED" && <IconAlertCircle size={14} className={classes.failed} aria-label="Failed" />}
      {side.status === "RUNNING" && <IconPlayerPlay size={14} className={classes.running} aria-label="Running" />}
      <span className={classes.label} title={label}>
        {label}
      </span>
      {side.model && (
        <span className={classes.model} title={side.model}>
          {side.model}
        </span>
      )}
      <span className={classes.duration}>{formatDuration(side.durationMs)}</span>
    </span>
  );
}

/** In what a row differs, in a few words. */
function wordsOf({ a, b, state, changes }: Row): string {
  if (state !== "changed") return state === "same" ? "" : STATES[state].label;
  return changes.map((change) => (change === "duration" ? timeWords(a, b) : change)).join(", ");
}

function timeWords(a: RowSide | undefined, b: RowSide | undefined): string {
  const difference = (b?.durationMs ?? 0) - (a?.durationMs ?? 0);
  return `${difference > 0 ? "+" : "−"}${formatDuration(Math.abs(difference))}`;
}
