import { type RefObject, useEffect, useRef, useState } from "react";
import type { RunSummary } from "@/api/shapes";

/** The row that the keyboard is at. It has the browser's focus, so that whoever cannot see it hears it. */
export function useCurrent(rows: readonly RunSummary[], frame: RefObject<HTMLElement | null>) {
  const [id, setId] = useState<string>();
  const isMoving = useRef(false);
  const index = id === undefined ? -1 : rows.findIndex((run) => run.id === id);
  useEffect(() => {
    if (!isMoving.current) return;
    isMoving.current = false;
    frame.current?.querySelector<HTMLElement>(`[data-run="${index}"]`)?.focus();
  });
  const move = (by: number) => {
    const next = rows[Math.min(Math.max(index + by, 0), rows.length - 1)];
    if (next === undefined) return;
    isMoving.current = true;
    setId(next.id);
    // The row may be the same and only have lost the focus: then nothing is drawn anew.
    if (next.id === id) frame.current?.querySelector<HTMLElement>(`[data-run="${index}"]`)?.focus();
  };
  return { index, run: rows[index], move, set: (at: number) => setId(rows[at]?.id) };
}

export type Current = ReturnType<typeof useCurrent>;
