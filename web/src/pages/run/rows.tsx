import { defaultRangeExtractor, type Range, useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { type MouseEvent, type RefObject, useCallback, useId, useLayoutEffect, useRef } from "react";
import { Axis } from "./axis";
import { countWithin } from "./find";
import { isUnderWay } from "./layout";
import { Row } from "./row";
import classes from "./rows.module.css";
import { isOpen, NONE } from "./tree";
import { useDragAndWheel } from "./use-drag-and-wheel";
import type { Timeline } from "./use-timeline";

export const ROW_PX = 26;
const HEAD_PX = 26;
const OVERSCAN = 4;

interface RowsProps {
  timeline: Timeline;
  /** Has the focus of the keyboard. */
  frame: RefObject<HTMLDivElement | null>;
  splitter: React.ReactNode;
}

/** The tree of steps and their bars, as rows of which only those in sight exist. */
export function Rows({ timeline, frame, splitter }: RowsProps) {
  const { tree, rows, focusIndex, revealed, view, openEnd, path, search } = timeline;
  const idPrefix = useId();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    useFlushSync: false,
    paddingStart: HEAD_PX,
    scrollPaddingStart: HEAD_PX,
    // The active row exists even when it is scrolled out of sight, as the focus is said to be on it.
    rangeExtractor: useCallback(
      (range: Range) => {
        const seen = defaultRangeExtractor(range);
        if (focusIndex === NONE || (focusIndex >= (seen[0] ?? 0) && focusIndex <= (seen.at(-1) ?? 0))) return seen;
        return focusIndex < (seen[0] ?? 0) ? [focusIndex, ...seen] : [...seen, focusIndex];
      },
      [focusIndex],
    ),
  });

  const shown = useRef(0);
  useLayoutEffect(() => {
    if (shown.current === revealed || focusIndex === NONE) return;
    shown.current = revealed;
    virtual.scrollToIndex(focusIndex, { align: "auto" });
  }, [revealed, focusIndex, virtual]);
  useDragAndWheel(frame, timeline);

  // Rows that come to sight take over the elements of those that leave it: that is much faster than making new ones.
  const slots = Math.ceil((virtual.scrollRect?.height ?? 0) / ROW_PX) + 2 * OVERSCAN + 2;

  const choose = (event: MouseEvent<HTMLDivElement>) => {
    if (!(event.target instanceof Element)) return;
    const at = rows[Number(event.target.closest("[data-index]")?.getAttribute("data-index") ?? NONE)] ?? NONE;
    const step = tree.steps[at];
    if (!step) return;
    if (event.target.closest("[data-toggle]")) timeline.toggle(at);
    else timeline.openStep(step.id);
  };

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys of the page act on the active row
    <div
      ref={frame}
      role="treegrid"
      tabIndex={0}
      className={classes.frame}
      aria-label="Steps"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={focusIndex === NONE ? undefined : `${idPrefix}${focusIndex}`}
      onClick={choose}
    >
      <div role="presentation" className={classes.sheet} style={{ height: virtual.getTotalSize() }}>
        <Axis timeline={timeline} splitter={splitter} />
        {virtual.getVirtualItems().map(({ index, start }, nth, items) => {
          const at = rows[index] ?? NONE;
          const step = tree.steps[at];
          const place = tree.placeOf[at] ?? NONE;
          const below = (tree.size[at] ?? 1) - 1;
          return (
            step && (
              <Row
                key={isApart(items, nth) ? "apart" : index % slots}
                id={`${idPrefix}${index}`}
                index={index}
                top={start}
                step={step}
                depth={tree.depth[at] ?? 0}
                isOpen={below > 0 ? isOpen(tree, at, timeline.folding) : undefined}
                below={below}
                failedBelow={countWithin(timeline.failures, place, place + below)}
                placed={timeline.isComplete ? (tree.placed[at] ?? 0) : 0}
                isFocused={index === focusIndex}
                isChosen={step.id === search.step}
                isMatch={timeline.isMatch?.[at] === 1}
                view={view}
                openEnd={openEnd}
                isOver={!isUnderWay(timeline.run)}
                critical={path ? (path.segments.get(at) ?? null) : undefined}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

/** Whether an item is the active row, out of sight. */
function isApart(items: readonly VirtualItem[], nth: number): boolean {
  const [before, item, after] = [items[nth - 1], items[nth], items[nth + 1]];
  if (item === undefined) return false;
  return before ? !after && before.index + 1 < item.index : after !== undefined && item.index + 1 < after.index;
}
