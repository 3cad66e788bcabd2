import { type RefObject, useEffect, useRef, useState } from "react";
import type { RunSummary } from "@/api/shapes";

/** Where one was in the list that was left last: whoever opens a run and comes back goes on from there. */
let left: { list: string; id: string } | undefined;

/** The row that the keyboard is at. It has the browser's focus, so that whoever cannot see it hears it. */
export function useCurrent(rows: readonly RunSummary[], frame: RefObject<HTMLElement | null>, list: string) {
  const [id, setId] = useState<string | undefined>(left?.list === list ? left.id : undefined);
  const isMoving = useRef(id !== undefined);
  const index = id === undefined ? -1 : rows.findIndex((run) => run.id === id);
  // The list is put back to where it was; a focus must not move it again.
  const isBack = useRef(id !== undefined);
  const focus = () => {
    const link = frame.current?.querySelector<HTMLElement>(`[data-run="${index}"]`);
    if (!link) return;
    // Whoever came by a link has the focus there, and keeps it.
    if (!isBack.current || document.activeElement === document.body) link.focus({ preventScroll: isBack.current });
    isMoving.current = false;
    isBack.current = false;
  };
  useEffect(() => {
    if (!isMoving.current || index < 0) return;
    focus();
    // A list that has just come draws its rows when it knows its height.
    const next = requestAnimationFrame(() => isMoving.current && focus());
    return () => cancelAnimationFrame(next);
  });
  const set = (next: string | undefined) => {
    setId(next);
    left = next === undefined ? undefined : { list, id: next };
  };
  const move = (by: number) => {
    const next = rows[Math.min(Math.max(index + by, 0), rows.length - 1)];
    if (next === undefined) return;
    isMoving.current = true;
    set(next.id);
    // The row may be the same and only have lost the focus: then nothing is drawn anew.
    if (next.id === id) focus();
  };
  return { index, run: rows[index], move, set: (at: number) => set(rows[at]?.id) };
}

export type Current = ReturnType<typeof useCurrent>;
