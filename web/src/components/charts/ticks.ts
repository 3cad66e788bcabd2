/** Where axes have their marks: round values, round durations, and the hours and days of the local clock. */

export type Unit = "count" | "duration" | "number";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DURATION_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
];

/** From 0 to the first mark that is not below `max`, at most `count` steps. Durations are in milliseconds. */
export function valueTicks(max: number, count: number, unit: Unit = "number"): number[] {
  const top = max > 0 && Number.isFinite(max) ? max : 1;
  const step = stepOf(top / Math.max(1, count), unit);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < top) ticks.push(rounded(ticks.length * step));
  return ticks;
}

function stepOf(least: number, unit: Unit): number {
  if (unit === "duration" && least > SECOND / 2) {
    const step = DURATION_STEPS.find((one) => one >= least);
    return step ?? DAY * decimalStep(least / DAY);
  }
  const step = decimalStep(least);
  return unit === "count" ? Math.max(1, step) : step;
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function decimalStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((one) => rounded(one * power) >= rounded(least)) ?? 10;
  return rounded(factor * power);
}

function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
];
const DAY_STEPS = [1, 2, 3, 7, 14, 28, 56, 91, 182, 364];

/** Moments of the local clock from `from` to `to`, at most `count`: midnights and what divides days evenly. */
export function timeTicks(from: number, to: number, count: number): number[] {
  const most = Math.max(1, count);
  const step = TIME_STEPS.find((one) => (to - from) / one <= most);
  if (step !== undefined) return clockTicks(from, to, step);
  const days = DAY_STEPS.find((one) => (to - from) / (one * DAY) <= most) ?? 728;
  const ticks: number[] = [];
  for (const day = midnight(from); day.getTime() <= to; day.setDate(day.getDate() + days)) {
    if (day.getTime() >= from) ticks.push(day.getTime());
    else day.setDate(day.getDate() + 1 - days);
  }
  return ticks;
}

/** Counted from each local midnight, as days may have 23 or 25 hours and zones half an hour. */
function clockTicks(from: number, to: number, step: number): number[] {
  const ticks: number[] = [];
  for (const day = midnight(from); day.getTime() <= to; day.setDate(day.getDate() + 1)) {
    for (let minutes = 0; minutes < DAY / MINUTE; minutes += step / MINUTE) {
      const tick = new Date(day.getFullYear(), day.getMonth(), day.getDate(), 0, minutes).getTime();
      // where clocks go forward, an hour that is left out would come twice
      if (tick >= from && tick <= to && tick > (ticks.at(-1) ?? 0)) ticks.push(tick);
    }
  }
  return ticks;
}

function midnight(moment: number): Date {
  const day = new Date(moment);
  day.setHours(0, 0, 0, 0);
  return day;
}

/** Round durations on a logarithmic axis from `fromMs` to `toMs`: 1 ms, 10 ms, 1 s, 10 s, 1 min, 10 min, 1 h, ... */
export function logTicks(fromMs: number, toMs: number): number[] {
  const within = (all: number[]) => all.filter((ms) => ms >= fromMs && ms <= toMs);
  const few = within([0.01, 0.1, 1, 10, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 10 * HOUR, DAY, 10 * DAY]);
  if (few.length >= 4) return few;
  const more = within(LOG_STEPS);
  return more.length > 9 ? more.filter((_, index) => index % 2 === 0) : more;
}

const LOG_STEPS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...DURATION_STEPS,
  ...[1, 2, 5, 10, 20].map((count) => count * DAY),
];
