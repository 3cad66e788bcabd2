import { describe, expect, test } from "vitest";
import { missingCursor, openCursors, putPage, type StepPage, stepsOf } from "./step-pages";
import { step } from "./test-steps";

function page(cursor: string | undefined, nextCursor: string | null, ...ids: string[]): StepPage {
  return { cursor, nextCursor, steps: ids.map((id) => step({ id, start: 1, end: 2 })) };
}
function ids(pages: readonly StepPage[]): string[] {
  return stepsOf(pages).map((one) => one.id);
}
const three = [page(undefined, "B", "a", "b"), page("B", "D", "c", "d"), page("D", null, "e")];

describe("putting a page", () => {
  test("appends the next", () => {
    expect(ids(putPage(three.slice(0, 1), page("B", "D", "c", "d")))).toEqual(["a", "b", "c", "d"]);
  });

  test("changes nothing where nothing changed", () => {
    const put = putPage(three, page("B", "D", "c", "d"));
    expect(put[1]).toBe(three[1]);
  });

  test("keeps the steps that did not change", () => {
    const ended = {
      ...page("B", "D", "c", "d"),
      steps: [step({ id: "c", start: 1, end: 2 }), step({ id: "d", start: 1, end: 9 })],
    };
    const put = putPage(three, ended);
    expect(put[1]?.steps[0]).toBe(three[1]?.steps[0]);
    expect(put[1]?.steps[1]?.durationMs).toBe(8);
  });

  test("lets the last page grow, and go on in a new one", () => {
    const grown = putPage(three, page("D", "F", "e", "f"));
    expect(missingCursor(grown)).toBe("F");
    expect(ids(putPage(grown, page("F", null, "g")))).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
  });

  test("takes steps that came in between, and shows none twice meanwhile", () => {
    const first = putPage(three, page(undefined, "A2", "a", "a2"));
    expect(missingCursor(first)).toBe("A2");
    expect(ids(first)).toEqual(["a", "a2", "c", "d", "e"]);
    const second = putPage(first, page("A2", "C", "b", "c"));
    expect(ids(second)).toEqual(["a", "a2", "b", "c", "d", "e"]);
    const third = putPage(second, page("C", null, "d", "e"));
    expect(ids(third)).toEqual(["a", "a2", "b", "c", "d", "e"]);
    expect(third).toHaveLength(3);
    expect(missingCursor(third)).toBeUndefined();
  });
});

test("those that can have changed are those with running steps, and the last", () => {
  const running = { ...page(undefined, "B", "a"), steps: [step({ id: "a", start: 1 })] };
  expect(openCursors([running, ...three.slice(1)])).toEqual([undefined, "D"]);
  expect(openCursors([])).toEqual([]);
});
