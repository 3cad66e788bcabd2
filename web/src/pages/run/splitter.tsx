import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import classes from "./splitter.module.css";

interface SplitterProps {
  label: string;
  /** Percent of the width that the first part takes. */
  value: number;
  least: number;
  most: number;
  onChange: (percent: number) => void;
  /** What the percent are of. */
  whole: () => Element | null;
  className?: string;
}

/** The line between two parts, to be moved by hand or by the arrow keys. */
export function Splitter({ label, value, least, most, onChange, whole, className }: SplitterProps) {
  const isDragged = useRef(false);
  const change = (percent: number) => onChange(Math.round(Math.min(most, Math.max(least, percent)) * 10) / 10);
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -2 : event.key === "ArrowRight" ? 2 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    change(value + by);
  };
  const onPointerMove = (event: PointerEvent) => {
    const box = isDragged.current ? whole()?.getBoundingClientRect() : undefined;
    if (box) change(((event.clientX - box.left) / box.width) * 100);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={value}
      className={[classes.splitter, className].join(" ")}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        isDragged.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        event.preventDefault();
      }}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        isDragged.current = false;
      }}
      onPointerCancel={() => {
        isDragged.current = false;
      }}
    />
  );
}
