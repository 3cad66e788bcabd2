import { useMediaQuery } from "@mantine/hooks";
import { IconArrowDown } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { RunSummary } from "@/api/shapes";
import { columnOf, type RunColumnKey, USUAL_COLUMNS } from "./columns";
import { RunRow } from "./run-row";
import classes from "./runs-table.module.css";

type Sort = "time" | "duration" | "cost" | "steps";

interface RunsTableProps {
  /** For those who cannot see it. */
  label: string;
  rows: readonly RunSummary[];
  columns?: readonly RunColumnKey[];
  /** What the rows are sorted by, the largest first. */
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Takes the height that it is given and draws only the rows that are seen: for a list that may become long. */
  fills?: boolean;
  /** With `fills`: under what name the place in the list is kept for coming back to it. */
  scrollId?: string;
  scrollRef?: RefObject<HTMLElement | null>;
  /** Where the list was when one left it, in pixels. */
  scrollTop?: number;
  picked?: readonly string[];
  onPick?: (id: string) => void;
  /** Rows that have just changed. */
  changed?: ReadonlySet<string>;
  /** Whether a row is there only because it was. */
  isGone?: (run: RunSummary) => boolean;
  /** The last rows are near. */
  onEnd?: () => void;
  footer?: ReactNode;
  /** The row that the keyboard is at. */
  current?: number;
  onCurrent?: (index: number) => void;
}

const ROW_HEIGHT = 32;
const CARD_HEIGHT = 58;
const PICK_WIDTH = 30;
const RUN_WIDTH_MIN = 200;
const NO_COLUMNS: readonly RunColumnKey[] = [];

/** Runs, a dense row each: the whole row leads to its run. On a phone each is two lines. */
export function RunsTable(props: RunsTableProps) {
  const { label, rows, columns = USUAL_COLUMNS, fills = false, picked, onPick, onEnd, current = -1 } = props;
  const isNarrow = useMediaQuery("(max-width: 48em)", undefined, { getInitialValueInEffect: false }) ?? false;
  const ownRef = useRef<HTMLElement>(null);
  const frame = props.scrollRef ?? ownRef;
  const rowHeight = isNarrow ? CARD_HEIGHT : ROW_HEIGHT;
  const virtualizer = useVirtualizer({
    count: rows.length,
    enabled: fills,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    initialOffset: props.scrollTop ?? 0,
    rangeExtractor: ({ startIndex, endIndex, overscan, count }) => {
      const [first, last] = [Math.max(0, startIndex - overscan), Math.min(count - 1, endIndex + overscan)];
      const seen = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      // The row with the focus stays drawn, wherever one scrolls.
      if (current >= 0 && current < count && (current < first || current > last)) seen.push(current);
      return seen.sort((a, b) => a - b);
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height of the rows is all that it has to hear of
  useEffect(() => virtualizer.measure(), [rowHeight]);
  const drawn = fills ? virtualizer.getVirtualItems().map((item) => item.index) : rows.map((_, index) => index);
  const lastDrawn = drawn.at(-1) ?? 0;
  const isNearEnd = rows.length > 0 && lastDrawn >= rows.length - 15;
  useEffect(() => {
    if (isNearEnd) onEnd?.();
  }, [isNearEnd, onEnd]);

  const [ownCurrent, setOwnCurrent] = useState(0);
  const tabStop = props.onCurrent ? Math.max(0, current) : ownCurrent;
  const visible = isNarrow ? NO_COLUMNS : columns;
  // Rows are drawn anew only if something in them changed, so what they are given must not.
  const latest = useRef({ onPick, onFocus: props.onCurrent ?? setOwnCurrent });
  useLayoutEffect(() => {
    latest.current = { onPick, onFocus: props.onCurrent ?? setOwnCurrent };
  });
  const pick = useCallback((id: string) => latest.current.onPick?.(id), []);
  const focus = useCallback((index: number) => latest.current.onFocus(index), []);
  const width = visible.reduce((sum, key) => sum + columnOf(key).width, RUN_WIDTH_MIN + (onPick ? PICK_WIDTH : 0));
  let before = -1;
  return (
    <section
      ref={frame}
      className={fills ? `${classes.frame} ${classes.filling}` : classes.frame}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
      tabIndex={0}
      aria-label={label}
      data-scroll-restoration-id={props.scrollId}
    >
      <table
        className={classes.table}
        style={{ minWidth: isNarrow ? undefined : width }}
        aria-rowcount={rows.length + 1}
        data-narrow={isNarrow || undefined}
      >
        <Head {...props} columns={visible} isNarrow={isNarrow} />
        <tbody>
          {drawn.map((index) => {
            const run = rows[index];
            if (run === undefined) return null;
            const gap = (index - before - 1) * rowHeight;
            before = index;
            return (
              <RunRow
                key={run.id}
                run={run}
                index={index}
                gap={gap}
                columns={visible}
                isNarrow={isNarrow}
                isTabStop={index === tabStop}
                isPicked={picked?.includes(run.id) ?? false}
                isChanged={props.changed?.has(run.id) ?? false}
                isGone={props.isGone?.(run) ?? false}
                onPick={onPick && pick}
                onFocus={focus}
              />
            );
          })}
          {before < rows.length - 1 && (
            <tr aria-hidden style={{ height: (rows.length - 1 - before) * rowHeight }}>
              <td />
            </tr>
          )}
        </tbody>
      </table>
      {props.footer}
    </section>
  );
}

interface HeadProps extends RunsTableProps {
  columns: readonly RunColumnKey[];
  isNarrow: boolean;
}

function Head({ columns, isNarrow, sort, onSort, onPick }: HeadProps) {
  return (
    <thead>
      <tr>
        {onPick && (
          <th scope="col" style={{ width: PICK_WIDTH }}>
            <span className={classes.hidden}>Compare</span>
          </th>
        )}
        <th scope="col">Run</th>
        {isNarrow && (
          <th scope="col" data-align="right" style={{ width: 96 }}>
            Took
          </th>
        )}
        {columns.map((key) => {
          const column = columnOf(key);
          const isSorted = sort !== undefined && column.sort === sort;
          return (
            <th
              key={key}
              scope="col"
              title={column.hint}
              data-align={column.align}
              style={{ width: column.width }}
              aria-sort={isSorted ? "descending" : undefined}
            >
              {column.sort && onSort ? (
                <SortButton header={column.header} sort={column.sort} isSorted={isSorted} onSort={onSort} />
              ) : (
                column.header
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

interface SortButtonProps {
  header: string;
  sort: Sort;
  isSorted: boolean;
  onSort: (sort: Sort) => void;
}

/** The largest first; once more, and the list is in order of time again. */
function SortButton({ header, sort, isSorted, onSort }: SortButtonProps) {
  return (
    <button
      type="button"
      className={classes.sort}
      data-sorted={isSorted || undefined}
      title={sort === "duration" ? "The longest first; runs that have no duration are left out" : "The largest first"}
      onClick={() => onSort(isSorted ? "time" : sort)}
    >
      {header}
      <IconArrowDown size={12} aria-hidden />
    </button>
  );
}
