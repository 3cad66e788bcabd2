import { type KeyboardEvent, useState } from "react";
import { movedTo } from "./cursor";

interface CursorKeys {
  count: number;
  bucket: number | null;
  onPoint: (bucket: number | null) => void;
  onChoose?: (bucket: number) => void;
  onBrush?: (first: number, last: number) => void;
}

/** The cursor of a chart by keyboard. `anchor` is where the span begins that shift and the arrows choose. */
export function useCursorKeys({ count, bucket, onPoint, onChoose, onBrush }: CursorKeys) {
  const [anchor, setAnchor] = useState<number | null>(null);

  function enter() {
    if (bucket === null) return;
    if (anchor !== null && anchor !== bucket && onBrush) {
      setAnchor(null);
      onBrush(Math.min(anchor, bucket), Math.max(anchor, bucket));
    } else onChoose?.(bucket);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = movedTo(event.key, bucket, count);
    if (next !== undefined) {
      setAnchor(event.shiftKey && onBrush ? (anchor ?? bucket ?? next) : null);
      onPoint(next);
    } else if (event.key === "Enter" || event.key === " ") enter();
    else if (event.key === "Escape" && bucket !== null) {
      setAnchor(null);
      onPoint(null);
    } else return;
    event.preventDefault();
  }

  function onBlur() {
    setAnchor(null);
    onPoint(null);
  }

  return { anchor, onKeyDown, onBlur };
}
