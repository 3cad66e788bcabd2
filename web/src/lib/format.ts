/** How figures are written: the same everywhere, in as few characters as tell the difference. */

export const NOTHING = "–";

type Maybe = number | null | undefined;

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12,345` */
export function formatCount(value: Maybe): string {
  return isNumber(value) ? grouped.format(value) : NOTHING;
}

/** `12.3k`, `4.56M`: three digits. */
export function formatShort(value: Maybe): string {
  if (!isNumber(value)) return NOTHING;
  const units = ["", "k", "M", "G", "T"];
  let [scaled, unit] = [value, 0];
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) [scaled, unit] = [scaled / 1000, unit + 1];
  return `${unit === 0 && Number.isInteger(value) ? value : threeDigits(scaled)}${units[unit]}`;
}

/** Milliseconds as `0.4 ms`, `812 ms`, `3.21 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function formatDuration(ms: Maybe): string {
  if (!isNumber(ms)) return NOTHING;
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms === 0) return "0 ms";
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return two(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** US dollars: `$0.0042`, `$1.23`, `$12.3k`. */
export function formatCost(usd: Maybe): string {
  if (!isNumber(usd)) return NOTHING;
  if (usd < 0) return `-${formatCost(-usd)}`;
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${Number(usd.toPrecision(2)).toFixed(Math.min(9, 1 - Math.floor(Math.log10(usd))))}`;
  return usd < 1000 ? `$${usd.toFixed(2)}` : `$${formatShort(usd)}`;
}

/** A share of 0 to 1 as `12.3 %`. */
export function formatPercent(share: Maybe): string {
  if (!isNumber(share)) return NOTHING;
  const percent = share * 100;
  if (percent !== 0 && Math.abs(percent) < 0.1) return "< 0.1 %";
  if (percent < 100 && percent >= 99.95) return "> 99.9 %";
  return `${percent === 100 || percent === 0 ? percent : percent.toFixed(1)} %`;
}

/** `512 B`, `1.2 MiB` */
export function formatBytes(bytes: Maybe): string {
  if (!isNumber(bytes)) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [scaled, unit] = [bytes, 0];
  while (scaled >= 1023.5 && unit < units.length - 1) [scaled, unit] = [scaled / 1024, unit + 1];
  return `${unit === 0 ? bytes : threeDigits(scaled)} ${units[unit]}`;
}

/** A rate: `0`, `0.4/s`, `12.3k/s`. */
export function formatRate(perSecond: Maybe): string {
  return isNumber(perSecond) ? `${formatShort(perSecond)}/s` : NOTHING;
}

/** How much a figure grew, as a share of what it was before; undefined where that says nothing. */
export function changeOf(now: Maybe, before: Maybe): number | undefined {
  return isNumber(now) && isNumber(before) && before !== 0 ? (now - before) / Math.abs(before) : undefined;
}

/** `+12 %`, `−3.4 %`, `±0 %`; `×12` where percents are no longer read. */
export function formatChange(change: number): string {
  const percent = change * 100;
  if (percent >= 900) return `×${formatShort(change + 1)}`;
  if (Math.abs(percent) < 0.05) return "±0 %";
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(digits)} %`;
}

/** By how much a share of 0 to 1 grew; undefined where one of them is not known. */
export function shareChangeOf(now: Maybe, before: Maybe): number | undefined {
  return isNumber(now) && isNumber(before) ? now - before : undefined;
}

/** The change of a share, in hundredths: `+2.1 points`, `±0 points` */
export function formatPoints(change: number): string {
  const points = Math.abs(change * 100).toFixed(1);
  if (points === "0.0") return "±0 points";
  return `${change > 0 ? "+" : "−"}${points} points`;
}

/** `1 run`, `2 runs` */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** The first characters of an id: enough to tell neighbours apart. */
export function shortId(id: string): string {
  return id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id;
}

function isNumber(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function threeDigits(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function two(first: number, unit: string, second: number, smaller: string): string {
  return second === 0 ? `${first} ${unit}` : `${first} ${unit} ${second} ${smaller}`;
}
