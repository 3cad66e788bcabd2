import { type RefObject, useEffect, useRef } from "react";
import { fitView, isWhole, type Span } from "./layout";
import type { Timeline } from "./use-timeline";

const CLICK_PX = 4;

interface Drag {
  part: string;
  x: number;
  width: number;
  view: Span;
  /** The moment where it began. */
  moment: number;
}

/** Draws a new window, moves the one there is, or moves one of its ends; a double click shows everything. */
export function useMinimapDrag(frame: RefObject<HTMLDivElement | null>, timeline: Timeline): void {
  const current = useRef(timeline);
  useEffect(() => {
    current.current = timeline;
  });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let drag: Drag | undefined;
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0 || !(event.target instanceof Element)) return;
      const { whole, view } = current.current;
      const { left, width } = element.getBoundingClientRect();
      const moment = whole.start + ((event.clientX - left) / width) * (whole.end - whole.start);
      const part = event.target.closest("[data-part]")?.getAttribute("data-part") ?? "new";
      drag = { part: isWhole(view, whole) && part === "window" ? "new" : part, x: event.clientX, width, view, moment };
      element.setPointerCapture(event.pointerId);
    };
    const onMove = (event: PointerEvent) => {
      if (!drag || Math.abs(event.clientX - drag.x) < CLICK_PX) return;
      const { whole, setView } = current.current;
      const by = ((event.clientX - drag.x) / drag.width) * (whole.end - whole.start);
      setView(fitView(draggedView(drag, by, whole), whole));
    };
    const onUp = () => {
      drag = undefined;
    };
    const onDoubleClick = () => current.current.setView(current.current.whole);
    element.addEventListener("pointerdown", onDown);
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerup", onUp);
    element.addEventListener("pointercancel", onUp);
    element.addEventListener("dblclick", onDoubleClick);
    return () => {
      element.removeEventListener("pointerdown", onDown);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerup", onUp);
      element.removeEventListener("pointercancel", onUp);
      element.removeEventListener("dblclick", onDoubleClick);
    };
  }, [frame]);
}

function draggedView({ part, view, moment }: Drag, by: number, whole: Span): Span {
  const clamp = (value: number) => Math.min(whole.end, Math.max(whole.start, value));
  if (part === "window") return { start: view.start + by, end: view.end + by };
  const [fixed, moved] =
    part === "start"
      ? [view.end, view.start + by]
      : part === "end"
        ? [view.start, view.end + by]
        : [moment, moment + by];
  return { start: clamp(Math.min(fixed, moved)), end: clamp(Math.max(fixed, moved)) };
}
