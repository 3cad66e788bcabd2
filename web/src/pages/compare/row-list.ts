/** Which rows are shown, and the way from one difference to the next. */
import type { Row } from "./align";

export type RowCounts = Record<Row["state"], number>;

export function countRows(rows: readonly Row[]): RowCounts {
  const counts: RowCounts = { same: 0, changed: 0, onlyA: 0, onlyB: 0 };
  for (const { state } of rows) counts[state]++;
  return counts;
}

/** With `differences`, rows that differ and those that they stand below, so that one sees where they are. */
export function shownRows(rows: readonly Row[], only: "differences" | undefined): Row[] {
  if (only === undefined) return [...rows];
  const shown: Row[] = [];
  let wantedDepth = -1; // from the end: the next row above that is less deep than this stands above what is shown
  for (let at = rows.length - 1; at >= 0; at--) {
    const row = rows[at];
    if (!row) continue;
    if (row.state !== "same") {
      shown.push(row);
      wantedDepth = row.depth;
    } else if (row.depth < wantedDepth) {
      shown.push(row);
      wantedDepth = row.depth;
    } else if (row.depth === 0) {
      wantedDepth = -1;
    }
  }
  return shown.reverse();
}

/** The place of the next row (`by` 1) or the one before (-1) that differs, from `at` on; undefined at the end. */
export function nextDifference(rows: readonly Row[], at: number, by: 1 | -1): number | undefined {
  for (let one = at + by; one >= 0 && one < rows.length; one += by) {
    if (rows[one]?.state !== "same") return one;
  }
  return undefined;
}
