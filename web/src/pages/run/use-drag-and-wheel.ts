import { type RefObject, useEffect, useRef } from "react";
import { panView, zoomView } from "./layout";
import type { Timeline } from "./use-timeline";

const ZOOM_PER_PX = 0.0025;
const CLICK_PX = 4;

/** Over the bars: dragging moves along the time axis, the wheel with Ctrl zooms, sideways or with Shift it moves. */
export function useDragAndWheel(frame: RefObject<HTMLDivElement | null>, timeline: Timeline): void {
  const current = useRef(timeline);
  useEffect(() => {
    current.current = timeline;
  });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    let drag: { x: number; width: number; isMoving: boolean } | undefined;

    const onWheel = (event: WheelEvent) => {
      const { view, whole, setView } = current.current;
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      const bars = barsOf(element);
      if (!bars) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const share = Math.min(1, Math.max(0, (event.clientX - bars.left) / bars.width));
        setView(zoomView(view, whole, Math.exp(event.deltaY * ZOOM_PER_PX), share));
      } else if (sideways !== 0 && Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        event.preventDefault();
        setView(panView(view, whole, sideways / bars.width));
      }
    };
    const onDown = (event: PointerEvent) => {
      if (event.button !== 0 || !(event.target instanceof Element) || !event.target.closest("[data-bars]")) return;
      drag = { x: event.clientX, width: barsOf(element)?.width ?? 1, isMoving: false };
    };
    const onMove = (event: PointerEvent) => {
      if (!drag) return;
      const by = event.clientX - drag.x;
      if (!drag.isMoving && Math.abs(by) < CLICK_PX) return;
      if (!drag.isMoving) element.setPointerCapture(event.pointerId);
      drag = { ...drag, x: event.clientX, isMoving: true };
      const { view, whole, setView } = current.current;
      setView(panView(view, whole, -by / drag.width));
    };
    const onUp = () => {
      if (drag?.isMoving) element.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => element.removeEventListener("click", swallow, { capture: true }), 0);
      drag = undefined;
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    element.addEventListener("pointerdown", onDown);
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerup", onUp);
    element.addEventListener("pointercancel", onUp);
    return () => {
      element.removeEventListener("wheel", onWheel);
      element.removeEventListener("pointerdown", onDown);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerup", onUp);
      element.removeEventListener("pointercancel", onUp);
    };
  }, [frame]);
}

/** A drag ends with a click, which nobody meant. */
function swallow(event: Event): void {
  event.stopPropagation();
}

function barsOf(element: Element): DOMRect | undefined {
  return element.querySelector("[data-bars]")?.getBoundingClientRect();
}
