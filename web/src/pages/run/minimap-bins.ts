/** All steps in a small picture: lanes from the first step to the last, columns from the start to the end. */
import { type Span, spanOf } from "./layout";
import type { StepTree } from "./tree";

export interface Bins {
  lanes: number;
  columns: number;
  /** How many steps of the lane went on in the column: `counts[lane * columns + column]`. */
  counts: Uint16Array;
  failures: Uint8Array;
}

/** Takes time in proportion to steps + lanes * columns, however long the steps are. */
export function minimapBins(tree: StepTree, whole: Span, openEnd: number, lanes: number, columns: number): Bins {
  const used = Math.max(1, Math.min(lanes, tree.order.length));
  const wide = columns + 1; // a column more for the ends of what goes on to the last
  const changes = new Int32Array(used * wide);
  const failures = new Uint8Array(used * columns);
  const perMs = columns / (whole.end - whole.start);
  tree.order.forEach((at, place) => {
    const step = tree.steps[at];
    const span = step ? spanOf(step, openEnd) : null;
    if (!step || !span) return;
    const lane = Math.floor((place * used) / tree.order.length);
    const from = clamp(Math.floor((span.start - whole.start) * perMs), columns - 1);
    const to = clamp(Math.ceil((span.end - whole.start) * perMs) - 1, columns - 1);
    changes[lane * wide + from] = (changes[lane * wide + from] ?? 0) + 1;
    const end = lane * wide + Math.max(from, to) + 1;
    changes[end] = (changes[end] ?? 0) - 1;
    if (step.status === "FAILED") failures[lane * columns + from] = 1;
  });
  return { lanes: used, columns, counts: summed(changes, used, columns), failures };
}

function summed(changes: Int32Array, lanes: number, columns: number): Uint16Array {
  const counts = new Uint16Array(lanes * columns);
  for (let lane = 0; lane < lanes; lane++) {
    let going = 0;
    for (let column = 0; column < columns; column++) {
      going += changes[lane * (columns + 1) + column] ?? 0;
      counts[lane * columns + column] = Math.min(going, 65_535);
    }
  }
  return counts;
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}
