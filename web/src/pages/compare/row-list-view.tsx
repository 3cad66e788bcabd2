import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { plural } from "@/lib/format";
import type { Row } from "./align";
import { RowLine } from "./row-line";
import classes from "./row-list.module.css";

interface RowListProps {
  rows: readonly Row[];
  /** The place of the chosen one; -1 is none. */
  chosen: number;
  onChoose: (key: string, replace: boolean) => void;
  differences: number;
}

const ROW_HEIGHT = 28;
const PAGE_ROWS = 15;

/** Aligned steps, a line each. Only those that are seen are drawn. */
export function RowList({ rows, chosen, onChoose, differences }: RowListProps) {
  const frame = useRef<HTMLDivElement>(null);
  const id = useId();
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  useEffect(() => {
    if (chosen >= 0) virtualizer.scrollToIndex(chosen, { align: "auto" });
  }, [chosen, virtualizer]);

  const onKeyDown = (event: KeyboardEvent) => {
    const to = placeFor(event.key, chosen, rows.length);
    const row = to === undefined ? undefined : rows[to];
    if (!row) return;
    event.preventDefault();
    onChoose(row.key, true);
  };
  return (
    <>
      <div className={classes.head} aria-hidden>
        <span />
        <span>A</span>
        <span>B</span>
        <span className={classes.differs}>What differs</span>
      </div>
      <div
        ref={frame}
        className={classes.frame}
        role="listbox"
        tabIndex={0}
        aria-label={`Steps of both runs, ${plural(differences, "difference")}`}
        aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
        onKeyDown={onKeyDown}
      >
        <div style={{ height: virtualizer.getTotalSize(), position: "relative" }} role="presentation">
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <RowLine
                key={row.key}
                id={`${id}-${item.index}`}
                row={row}
                top={item.start}
                place={item.index}
                count={rows.length}
                isChosen={item.index === chosen}
                onChoose={() => onChoose(row.key, false)}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

function placeFor(key: string, at: number, count: number): number | undefined {
  const last = count - 1;
  if (key === "ArrowDown") return Math.min(at + 1, last);
  if (key === "ArrowUp") return Math.max(at - 1, 0);
  if (key === "PageDown") return Math.min(at + PAGE_ROWS, last);
  if (key === "PageUp") return Math.max(at - PAGE_ROWS, 0);
  if (key === "Home") return 0;
  return key === "End" ? last : undefined;
}
