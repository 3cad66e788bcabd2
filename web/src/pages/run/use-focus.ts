/** Which row the keys act on, how it comes to sight, and how an open panel follows it. */
import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef, useState } from "react";
import { type Folding, NONE, openTo, rowIndexOf, type StepTree } from "./tree";
import type { SetSearch } from "./use-timeline";

const FOLLOW_AFTER_MS = 120;

export type ByHand = Folding["byHand"];

interface FocusParts {
  tree: StepTree;
  rows: Int32Array;
  folding: Folding;
  setByHand: Dispatch<SetStateAction<ByHand>>;
  /** The step whose panel is open. */
  chosen: string | undefined;
  setSearch: SetSearch;
}

export interface Focus {
  /** `NONE` only where there are no rows. */
  focusIndex: number;
  /** Its place in the tree's order. */
  focusPlace: number;
  /** Whether somebody has been at a row. */
  isPlaced: boolean;
  /** Counts up when the row with the focus is to be brought to sight. */
  revealed: number;
  focusRow: (index: number) => void;
  /** Opens what the step is in. */
  focusStep: (id: string) => void;
  openStep: (id: string) => void;
  closeStep: () => void;
}

export function useFocus(parts: FocusParts): Focus {
  const { tree, rows, folding, setByHand, chosen, setSearch } = parts;
  const [focusId, setFocusId] = useState(chosen);
  const [revealed, setRevealed] = useState(0);
  const follow = useFollowing(chosen, setSearch);
  const reveal = useCallback(
    (id: string) => {
      const at = tree.positionOf.get(id);
      if (at === undefined) return;
      setByHand((byHand) => openTo(tree, at, { ...folding, byHand }).byHand);
      setFocusId(id);
      setRevealed((before) => before + 1);
    },
    [tree, folding, setByHand],
  );
  useArrival(chosen, focusId, tree, reveal);

  const found = rowIndexOf(tree, rows, tree.positionOf.get(focusId ?? "") ?? NONE);
  const focusIndex = found === NONE && rows.length > 0 ? 0 : found;
  const focusRow = (index: number) => {
    const step = tree.steps[rows[Math.max(0, Math.min(index, rows.length - 1))] ?? NONE];
    if (!step) return;
    setFocusId(step.id);
    setRevealed((before) => before + 1);
    follow(step.id);
  };
  return {
    focusIndex,
    focusPlace: tree.placeOf[rows[focusIndex] ?? NONE] ?? NONE,
    isPlaced: focusId !== undefined,
    revealed,
    focusRow,
    focusStep: (id) => {
      reveal(id);
      follow(id);
    },
    openStep: (id) => {
      follow(undefined);
      setFocusId(id);
      if (id !== chosen) setSearch({ step: id });
    },
    closeStep: () => {
      follow(undefined);
      setSearch({ step: undefined });
    },
  };
}

/** An open panel follows, once one has arrived somewhere. Undefined: it does not follow any more. */
function useFollowing(chosen: string | undefined, setSearch: SetSearch): (id: string | undefined) => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (id) => {
    clearTimeout(timer.current);
    if (id === undefined || chosen === undefined || chosen === id) return;
    timer.current = setTimeout(() => setSearch({ step: id }, true), FOLLOW_AFTER_MS);
  };
}

/** What the URL names comes to sight as soon as it is there: on arrival, and when one goes back. */
function useArrival(
  chosen: string | undefined,
  focusId: string | undefined,
  tree: StepTree,
  reveal: (id: string) => void,
): void {
  const awaited = useRef(chosen);
  const last = useRef(chosen);
  useEffect(() => {
    if (last.current !== chosen) {
      last.current = chosen;
      awaited.current = chosen === focusId ? undefined : chosen;
    }
    const id = awaited.current;
    if (id === undefined || !tree.positionOf.has(id)) return;
    awaited.current = undefined;
    reveal(id);
  }, [chosen, focusId, tree, reveal]);
}
