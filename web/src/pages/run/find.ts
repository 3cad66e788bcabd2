/** Finding steps within a run: by words, and the failed ones. */
import type { StepRow } from "./steps";
import { NONE, type StepTree } from "./tree";

/** Places in the tree's order, ascending, of the steps that all words are found in. */
export function findSteps(tree: StepTree, query: string): Int32Array {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return new Int32Array(0);
  return placesOf(tree, (step) => {
    const text = `${step.toolName ?? ""}\n${step.name ?? ""}\n${step.kind ?? ""}\n${step.model ?? ""}\n${step.id}`;
    const folded = text.toLowerCase();
    return words.every((word) => folded.includes(word));
  });
}

export function failedSteps(tree: StepTree): Int32Array {
  return placesOf(tree, (step) => step.status === "FAILED");
}

function placesOf(tree: StepTree, isWanted: (step: StepRow) => boolean): Int32Array {
  const places = new Int32Array(tree.order.length);
  let count = 0;
  for (let place = 0; place < tree.order.length; place++) {
    const step = tree.steps[tree.order[place] ?? NONE];
    if (step && isWanted(step)) places[count++] = place;
  }
  return places.slice(0, count);
}

/** The place that comes after another (or before it, with -1), round and round; `NONE` if there is none at all. */
export function nextPlace(places: Int32Array, from: number, direction: 1 | -1): number {
  if (places.length === 0) return NONE;
  const after = firstAbove(places, direction === 1 ? from : from - 1);
  const index = direction === 1 ? after % places.length : (after - 1 + places.length) % places.length;
  return places[index] ?? NONE;
}

/** Whether a place is one of them, and which, counted from 1; 0 if not. */
export function ordinalOf(places: Int32Array, place: number): number {
  const index = firstAbove(places, place) - 1;
  return index >= 0 && places[index] === place ? index + 1 : 0;
}

/** How many places lie after one, up to another. */
export function countWithin(places: Int32Array, after: number, upTo: number): number {
  return firstAbove(places, upTo) - firstAbove(places, after);
}

function firstAbove(places: Int32Array, value: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
