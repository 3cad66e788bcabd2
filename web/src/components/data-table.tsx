import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./data-table.module.css";

export interface Column<Row> {
  key: string;
  header: string;
  /** What the column means, on hover. */
  hint?: string;
  align?: "left" | "right";
  width?: number | string;
  /** Sorted by it when its header is chosen. */
  sortable?: boolean;
  render: (row: Row) => ReactNode;
}

interface DataTableProps<Row> {
  /** For those who cannot see it. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  /** The key of the column that the rows are sorted by, the largest first. */
  sort?: string;
  /** The smallest first instead, or A to Z. */
  isAscending?: boolean;
  onSort?: (key: string) => void;
  /** Whether a row stands out. */
  isSelected?: (row: Row) => boolean;
  /** The heads stay while rows scroll; the table then takes at most this height. */
  maxHeight?: number | string;
}

/** A dense table of figures. Numbers are to the right; what is wider than the page scrolls. */
export function DataTable<Row>({
  label,
  columns,
  rows,
  rowKey,
  sort,
  isAscending = false,
  onSort,
  isSelected,
  maxHeight,
}: DataTableProps<Row>) {
  const Arrow = isAscending ? IconArrowUp : IconArrowDown;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
    <section className={classes.frame} style={{ maxHeight }} tabIndex={0} aria-label={label}>
      <table className={classes.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                title={column.hint}
                data-align={column.align}
                style={{ width: column.width }}
                aria-sort={sort === column.key ? (isAscending ? "ascending" : "descending") : undefined}
              >
                {column.sortable && onSort ? (
                  <button type="button" className={classes.sort} onClick={() => onSort(column.key)}>
                    {column.header}
                    {sort === column.key && <Arrow size={12} aria-hidden />}
                  </button>
                ) : (
                  column.header
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-selected={isSelected?.(row) || undefined}>
              {columns.map((column) => (
                <td key={column.key} data-align={column.align}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
