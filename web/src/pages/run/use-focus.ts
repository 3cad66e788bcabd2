/** Which row the keys act on, how it comes to sight, and how an open panel follows it. */
import { type Dispatch, type RefObject, type SetStateAction, useCallback, useEffect, useRef, useState } from "react";
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
  const asked = useRef<string>(undefined);
  const choose = useCallback(
    (id: string | undefined, replace?: boolean) => {
      asked.current = id;
      setSearch({ step: id }, replace);
    },
    [setSearch],
  );
  const follow = useFollowing(chosen, choose);
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
  useArrival(chosen, asked, tree, reveal);

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
      if (id !== chosen) choose(id);
    },
    closeStep: () => {
      follow(undefined);
      choose(undefined);
    },
  };
}

/** An open panel follows, once one has arrived somewhere. Undefined: it does not follow any more. */
function useFollowing(chosen: string | undefined, choose: (id: string, replace: boolean) => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (id: string | undefined) => {
    clearTimeout(timer.current);
    if (id === undefined || chosen === undefined || chosen === id) return;
    timer.current = setTimeout(() => choose(id, true), FOLLOW_AFTER_MS);
  };
}

/** What the URL names comes to sight as soon as it is there: on arrival, and when one goes back. */
function useArrival(
  chosen: string | undefined,
  asked: RefObject<string | undefined>,
  tree: StepTree,
  reveal: (id: string) => void,
): void {
  const awaited = useRef(chosen);
  const last = useRef(chosen);
  useEffect(() => {
    if (last.current !== chosen) {
      last.current = chosen;
      // Where the page itself led, somebody is already, or even further.
      awaited.current = chosen === asked.current ? undefined : chosen;
      asked.current = undefined;
    }
    const id = awaited.current;
    if (id === undefined || !tree.positionOf.has(id)) return;
    awaited.current = undefined;
    reveal(id);
  }, [chosen, asked, tree, reveal]);
}
