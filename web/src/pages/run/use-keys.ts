import { type RefObject, useEffect, useRef } from "react";
import { panView, type Span, zoomView } from "./layout";
import { ROW_PX } from "./rows";
import { isOpen, NONE } from "./tree";
import type { Timeline } from "./use-timeline";

export const KEYS: readonly [keys: string, meaning: string][] = [
  ["↓ ↑ or j k", "Next, previous step"],
  ["→ ←", "Open, close; into, out of"],
  ["Enter", "Show the step"],
  ["Esc", "Close the step, or leave the search"],
  ["n p", "Next, previous error"],
  ["/", "Search the steps"],
  ["g G", "Next, previous match"],
  ["+ - 0", "Zoom in, out, fit"],
  ["[ ]", "Earlier, later"],
  ["c", "Critical path"],
  ["?", "These keys"],
];

interface Places {
  frame: RefObject<HTMLDivElement | null>;
  searchField: RefObject<HTMLInputElement | null>;
  onHelp: () => void;
}

/** The keys of the timeline: arrows and Enter when the tree has the focus, the others wherever nothing is typed into. */
export function useKeys(timeline: Timeline, places: Places): void {
  const current = useRef({ timeline, places });
  useEffect(() => {
    current.current = { timeline, places };
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { timeline, places } = current.current;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!(event.target instanceof HTMLElement) || isTypedInto(event.target)) return;
      const frame = places.frame.current;
      const isForTree = frame && (frame.contains(event.target) || isForNothing(event.target, event.key));
      const act = (isForTree && treeKey(event.key, timeline, frame)) || pageKey(event.key, timeline, places);
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

function isTypedInto(element: HTMLElement): boolean {
  return element.isContentEditable || element.closest("input, textarea, select, [role=dialog], [role=menu]") !== null;
}

/** Where nothing has the focus the tree takes the keys that do not scroll the page by much. */
function isForNothing(element: HTMLElement, key: string): boolean {
  return (element === document.body || element.tagName === "MAIN") && (key.startsWith("Arrow") || key === "Enter");
}

type Act = () => void;

function treeKey(key: string, timeline: Timeline, frame: HTMLElement): Act | undefined {
  const { tree, rows, focusIndex, focusRow, folding, toggle } = timeline;
  const at = rows[focusIndex] ?? NONE;
  const step = tree.steps[at];
  const hasChildren = (tree.size[at] ?? 1) > 1;
  const page = Math.max(1, Math.floor(frame.clientHeight / ROW_PX) - 2);
  const up = tree.parent[at] ?? NONE;
  switch (key) {
    case "ArrowDown":
      return () => focusRow(focusIndex + 1);
    case "ArrowUp":
      return () => focusRow(focusIndex - 1);
    case "PageDown":
      return () => focusRow(focusIndex + page);
    case "PageUp":
      return () => focusRow(focusIndex - page);
    case "Home":
      return () => focusRow(0);
    case "End":
      return () => focusRow(rows.length - 1);
    case "ArrowRight":
      if (!hasChildren) return undefined;
      return isOpen(tree, at, folding) ? () => focusRow(focusIndex + 1) : () => toggle(at, true);
    case "ArrowLeft":
      if (hasChildren && isOpen(tree, at, folding)) return () => toggle(at, false);
      return up === NONE ? undefined : () => timeline.focusStep(tree.steps[up]?.id ?? "");
    case "Enter":
    case " ":
      return step && (() => timeline.openStep(step.id));
    default:
      return undefined;
  }
}

function pageKey(key: string, timeline: Timeline, { searchField, onHelp }: Places): Act | undefined {
  const { view, whole, setView, search, setSearch, focusIndex } = timeline;
  const acts: Record<string, Act | undefined> = {
    j: () => timeline.focusRow(focusIndex + 1),
    k: () => timeline.focusRow(focusIndex - 1),
    n: () => timeline.focusPlaceOf(timeline.failures, 1),
    p: () => timeline.focusPlaceOf(timeline.failures, -1),
    g: () => timeline.focusPlaceOf(timeline.matches, 1),
    G: () => timeline.focusPlaceOf(timeline.matches, -1),
    "/": () => searchField.current?.focus(),
    "+": () => setView(zoomed(timeline, 0.5)),
    "=": () => setView(zoomed(timeline, 0.5)),
    "-": () => setView(zoomed(timeline, 2)),
    "0": () => setView(whole),
    "[": () => setView(panView(view, whole, -0.25)),
    "]": () => setView(panView(view, whole, 0.25)),
    c: () => setSearch({ path: search.path ? undefined : true }),
    "?": onHelp,
    Escape: search.step === undefined ? undefined : timeline.closeStep,
  };
  return acts[key];
}

/** Around the step with the focus where it is in view, else around the middle. */
export function zoomed({ view, whole, tree, rows, focusIndex }: Timeline, factor: number): Span {
  const start = tree.steps[rows[focusIndex] ?? NONE]?.startMs ?? Number.NaN;
  const share = (start - view.start) / (view.end - view.start);
  return zoomView(view, whole, factor, share >= 0 && share <= 1 ? share : 0.5);
}
