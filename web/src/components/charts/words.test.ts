import { expect, test } from "vitest";
import { spanLabel, tickLabel } from "./time-labels";
import { bucketWords, wordsOf } from "./words";

const HOUR = 3_600_000;
const START = new Date(2026, 2, 3, 14).getTime();
const data = {
  starts: [START, START + HOUR],
  series: [
    { key: "ok", label: "Success", color: "green", values: [3, 5] },
    { key: "bad", label: "Failed", color: "red", values: [0, null] },
  ],
};

test("what adds up is told as sums, what does not as a range", () => {
  expect(wordsOf("Runs", data, HOUR, true, String)).toBe(
    "Runs, Tue 3 Mar, 14:00 – 16:00. Success: 8 in all, the most, 5, Tue 3 Mar, 15:00 – 16:00. Failed: none.",
  );
  expect(wordsOf("Runs", data, HOUR, false, String)).toContain("Success: from 3 to 5, at last 5.");
  expect(wordsOf("Runs", { starts: [], series: [] }, HOUR, true, String)).toBe("Runs: nothing in this window.");
});

test("a bucket says what it knows", () => {
  expect(bucketWords(data, 1, HOUR, String)).toBe("Tue 3 Mar, 15:00 – 16:00: Success 5, Failed unknown");
});

test("spans and marks are as short as they can be told apart", () => {
  const midnight = new Date(2026, 2, 3).getTime();
  expect(spanLabel(midnight, midnight + 24 * HOUR)).toBe("Tue 3 Mar");
  expect(spanLabel(START, START + 12 * HOUR)).toBe("Tue 3 Mar, 14:00 – Wed 4 Mar, 02:00");
  expect([tickLabel(midnight), tickLabel(START)]).toEqual(["3 Mar", "14:00"]);
});
