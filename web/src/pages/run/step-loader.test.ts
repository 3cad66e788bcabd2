import { expect, test, vi } from "vitest";
import { type FetchPage, StepLoader } from "./step-loader";
import { step } from "./test-steps";

/** A server with pages of two; cursors are the number of steps before. */
function server(ids: string[]) {
  const asked: (string | undefined)[] = [];
  const fetchPage: FetchPage = async (cursor) => {
    asked.push(cursor);
    const from = Number(cursor ?? 0);
    const nextCursor = from + 2 < ids.length ? String(from + 2) : null;
    return { cursor, nextCursor, steps: ids.slice(from, from + 2).map((id) => step({ id, start: 1, end: 2 })) };
  };
  return { asked, fetchPage, ids };
}

function idsOf(loader: StepLoader): string[] {
  return loader.loaded().steps.map((one) => one.id);
}

test("loads all pages, and tells of the first at once", async () => {
  const { fetchPage, asked } = server(["a", "b", "c", "d", "e"]);
  const loader = new StepLoader(fetchPage);
  const told: number[] = [];
  loader.subscribe(() => told.push(loader.loaded().steps.length));
  loader.start();
  await vi.waitFor(() => expect(loader.loaded().isComplete).toBe(true));
  expect(asked).toEqual([undefined, "2", "4"]);
  expect(told).toEqual([2, 5]);
});

test("asks again only for what can have changed", async () => {
  const found = server(["a", "b", "c"]);
  const loader = new StepLoader(found.fetchPage);
  loader.start();
  await vi.waitFor(() => expect(loader.loaded().isComplete).toBe(true));
  const before = loader.loaded();
  loader.refresh();
  await vi.waitFor(() => expect(found.asked).toEqual([undefined, "2", "2"]));
  await Promise.resolve();
  expect(loader.loaded()).toBe(before);
  found.ids.push("d", "e");
  await vi.waitFor(() => {
    loader.refresh();
    expect(idsOf(loader)).toEqual(["a", "b", "c", "d", "e"]);
  });
});

test("keeps what it has when a page fails, says why, and goes on when told to", async () => {
  const found = server(["a", "b", "c"]);
  let isDown = true;
  const loader = new StepLoader(async (cursor, signal) => {
    if (cursor && isDown) throw new Error("down");
    return found.fetchPage(cursor, signal);
  });
  loader.start();
  await vi.waitFor(() => expect(loader.loaded().error?.message).toBe("down"));
  expect(idsOf(loader)).toEqual(["a", "b"]);
  expect(loader.loaded().isComplete).toBe(false);
  isDown = false;
  loader.refresh();
  await vi.waitFor(() => expect(loader.loaded()).toMatchObject({ isComplete: true, error: null }));
  expect(idsOf(loader)).toEqual(["a", "b", "c"]);
});

test("tells nothing once it is stopped, and can be started anew", async () => {
  const { fetchPage } = server(["a", "b", "c"]);
  const loader = new StepLoader(fetchPage);
  loader.start();
  loader.stop();
  loader.start();
  await vi.waitFor(() => expect(loader.loaded().isComplete).toBe(true));
  expect(idsOf(loader)).toEqual(["a", "b", "c"]);
});
