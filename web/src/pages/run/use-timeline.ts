/** What the timeline shows, and how one moves in it. */
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import type { Run } from "@/api/shapes";
import { useNow } from "@/lib/use-now";
import { type CriticalPath, criticalPath } from "./critical-path";
import { failedSteps, findSteps, nextPlace } from "./find";
import { extentOf, isUnderWay, openEndOf, type Span } from "./layout";
import type { RunPageSearch } from "./search";
import { epochMs, type StepRow } from "./steps";
import { buildTree, type Folding, isOpen, NONE, type StepTree, visibleRows, withAncestors } from "./tree";
import { type ByHand, type Focus, useFocus } from "./use-focus";
import type { RunSteps } from "./use-run";
import { useView } from "./use-view";

export type SetSearch = (patch: Partial<RunPageSearch>, replace?: boolean) => void;

export interface Timeline extends Focus {
  run: Run;
  search: RunPageSearch;
  setSearch: SetSearch;
  tree: StepTree;
  rows: Int32Array;
  folding: Folding;
  isComplete: boolean;
  /** Until when steps that run are drawn. */
  openEnd: number;
  /** From which times are counted: the start of the run. */
  origin: number;
  whole: Span;
  view: Span;
  setView: (view: Span) => void;
  path: CriticalPath | null;
  /** Places in the tree's order. */
  failures: Int32Array;
  matches: Int32Array;
  isMatch: Uint8Array | null;
  /** On to the next of these places, or back to the one before. */
  focusPlaceOf: (places: Int32Array, direction: 1 | -1) => void;
  toggle: (at: number, open?: boolean) => void;
  setLevels: (levels: number | undefined) => void;
}

/** What does not change while one looks around: times and the tree. */
function useMeasured(run: Run, steps: readonly StepRow[]) {
  const isMoving = isUnderWay(run) && !run.stale;
  const now = useNow(isMoving ? 1000 : 3_600_000);
  const openEnd = openEndOf(run, isMoving ? Math.max(now, epochMs(run.lastEventAt) ?? 0) : now);
  const tree = useMemo(() => buildTree(steps), [steps]);
  const whole = useMemo(() => extentOf(run, steps, openEnd), [run, steps, openEnd]);
  const failures = useMemo(() => failedSteps(tree), [tree]);
  return { tree, whole, failures, openEnd: isMoving ? openEnd : whole.end };
}

function useMatches(tree: StepTree, query: string | undefined) {
  const wanted = useDeferredValue(query ?? "");
  return useMemo(() => {
    const matches = findSteps(tree, wanted);
    if (wanted.trim() === "") return { matches, isMatch: null };
    const isMatch = new Uint8Array(tree.order.length);
    for (const place of matches) isMatch[tree.order[place] ?? NONE] = 1;
    return { matches, isMatch };
  }, [tree, wanted]);
}

function useRows(tree: StepTree, folding: Folding, places: Int32Array | undefined): Int32Array {
  return useMemo(() => {
    if (!places) return visibleRows(tree, folding);
    const positions = places.map((place) => tree.order[place] ?? NONE);
    return visibleRows(tree, folding, withAncestors(tree, positions));
  }, [tree, folding, places]);
}

function useFolding(levels: number | undefined) {
  const [byHand, setByHand] = useState<ByHand>(new Map());
  const folding = useMemo<Folding>(
    () => ({ openLevels: levels ?? Number.POSITIVE_INFINITY, byHand }),
    [levels, byHand],
  );
  return { folding, setByHand };
}

export function useTimeline(run: Run, loaded: RunSteps, search: RunPageSearch, setSearch: SetSearch): Timeline {
  const { tree, whole, failures, openEnd } = useMeasured(run, loaded.steps);
  const { matches, isMatch } = useMatches(tree, search.q);
  const { folding, setByHand } = useFolding(search.level);
  const only = search.only === "errors" ? failures : search.only === "matches" && isMatch ? matches : undefined;
  const rows = useRows(tree, folding, only);
  const origin = epochMs(run.startedAt) ?? whole.start;
  const commitZoom = useCallback((zoom: string | undefined) => setSearch({ zoom }, true), [setSearch]);
  const [view, setView] = useView(whole, origin, search.zoom, commitZoom);
  const path = useMemo(
    () => (search.path ? criticalPath(tree, whole, openEnd) : null),
    [search.path, tree, whole, openEnd],
  );

  const focus = useFocus({ tree, rows, folding, setByHand, chosen: search.step, setSearch });

  return {
    run,
    search,
    setSearch,
    tree,
    rows,
    folding,
    isComplete: loaded.isComplete,
    openEnd,
    origin,
    whole,
    view,
    setView,
    path,
    failures,
    matches,
    isMatch,
    ...focus,
    focusPlaceOf: (places, direction) => {
      if (only && only !== places) setSearch({ only: undefined }, true); // it may be among those that are hidden
      const from = focus.isPlaced || direction === -1 ? focus.focusPlace : NONE;
      const step = tree.steps[tree.order[nextPlace(places, from, direction)] ?? NONE];
      if (step) focus.focusStep(step.id);
    },
    toggle: (at, open) => {
      const id = tree.steps[at]?.id;
      if (id === undefined) return;
      setByHand((byHand) => new Map(byHand).set(id, open ?? !isOpen(tree, at, { ...folding, byHand })));
    },
    setLevels: (level) => {
      setByHand(new Map());
      setSearch({ level }, true);
    },
  };
}
