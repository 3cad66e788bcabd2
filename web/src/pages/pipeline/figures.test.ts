import { expect, test } from "vitest";
import { ended, flowOf, lagOf, refusalRows } from "./figures";

const NOTHING = { p50: null, p99: null };
const bucket = (accepted: number, stored: number, lagMs: { p50: number | null; p99: number | null } = NOTHING) => ({
  start: "2026-01-01T00:00:00Z",
  accepted,
  stored,
  deadLetters: 0,
  refused: 0,
  lagMs,
});

test("rates are a second, of buckets of ten", () => {
  expect(flowOf([bucket(50, 20), bucket(0, 0)]).map(({ values }) => values)).toEqual([
    [5, 0],
    [2, 0],
  ]);
});

test("the bucket that is still under way is no drop", () => {
  expect(flowOf(ended([bucket(50, 50), bucket(3, 1)])).map(({ values }) => values)).toEqual([[5], [5]]);
  expect(ended([])).toEqual([]);
});

test("where nothing was stored there is a gap and no lag of 0", () => {
  expect(lagOf([bucket(1, 1, { p50: 12, p99: 40 }), bucket(0, 0)])[1]?.values).toEqual([40, null]);
});

test("the most frequent refusal comes first, what did not happen does not come, an unknown code comes as it is", () => {
  const rows = refusalRows({
    refused: [
      { code: "new_reason", count: 3 },
      { code: "rate_limited", count: 1200 },
    ],
    rejectedEvents: 0,
    payloadsCut: 6,
    redactions: 0,
  });
  expect(rows.map(({ label, value, share }) => [label, value, share])).toEqual([
    ["Over a rate limit", "1,200 requests", 1],
    ["Payloads cut as too large", "6 payloads", 0.005],
    ["new_reason", "3 requests", 0.0025],
  ]);
});
