import { expect, test } from "vitest";
import { verdictOf } from "./verdict";

function figures(success: number, failed: number, p95: number | null = 1000, running = 0) {
  const ended = success + failed;
  return {
    runs: ended + running,
    runsByStatus: { PENDING: 0, RUNNING: running, SUCCESS: success, FAILED: failed, CANCELLED: 0 },
    successRate: ended > 0 ? success / ended : null,
    durationMs: { avg: p95, p50: p95, p95, p99: p95 },
    stepErrorRate: 0,
  };
}

test.each([
  ["as before", figures(90, 10), figures(91, 9), "good"],
  ["better", figures(99, 1), figures(60, 40), "good"],
  ["three points down", figures(87, 13), figures(91, 9), "watch"],
  ["ten points down", figures(80, 20), figures(91, 9), "bad"],
  ["most fail, as before", figures(30, 70), figures(30, 70), "bad"],
  ["much slower", figures(90, 10, 1600), figures(90, 10, 1000), "watch"],
  ["slower, but of few runs", figures(20, 0, 9000), figures(20, 0, 1000), "good"],
  ["one of few failed", figures(4, 1), figures(5, 0), "good"],
  ["many of few failed", figures(3, 2), figures(5, 0), "watch"],
  ["most of few failed", figures(1, 4), figures(0, 0, null), "bad"],
  ["nothing ended", figures(0, 0, null, 2), figures(90, 10), "quiet"],
  ["nothing at all", figures(0, 0, null), figures(0, 0, null), "quiet"],
] as const)("%s", (_, now, before, mood) => {
  expect(verdictOf(now, before).mood).toBe(mood);
});

test("it says what is wrong", () => {
  expect(verdictOf(figures(1, 4), figures(0, 0, null)).title).toBe("Most runs fail");
  expect(verdictOf(figures(80, 20), figures(91, 9)).title).toBe("Your agents are in trouble");
});

test("it says what it rests on, and does not compare with too little", () => {
  expect(verdictOf(figures(90, 10, 1600), figures(91, 9, 1000)).reasons).toEqual([
    "90.0 % of 100 finished runs succeeded, 91.0 % before",
    "the slowest 5 % took 1.6 s or more, 1 s before",
  ]);
  expect(verdictOf(figures(4, 1), figures(5, 0))).toEqual({
    mood: "good",
    title: "Most runs succeed",
    reasons: ["80.0 % of 5 finished runs succeeded"],
  });
});
