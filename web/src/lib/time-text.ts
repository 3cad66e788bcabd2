/** Moments as people read them: in their own zone, as short as the distance allows. */

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const withYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

/** `14:03:21` today, `3 Mar, 14:03:21` this year, `3 Mar 2024, 14:03` before. */
export function localTime(value: string | number | Date, now: number = Date.now()): string {
  const [moment, today] = [new Date(value), new Date(now)];
  if (moment.getFullYear() !== today.getFullYear()) return withYear.format(moment);
  return moment.toDateString() === today.toDateString() ? clock.format(moment) : dayAndClock.format(moment);
}

/** Exactly, in UTC: `2026-03-01 14:03:21.123 UTC`. Digits below a millisecond stay. */
export function exactUtc(value: string): string {
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return value;
  const whole = moment.toISOString();
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? "";
  const digits = fraction.length > 3 ? fraction : whole.slice(20, 23);
  return `${whole.slice(0, 10)} ${whole.slice(11, 19)}.${digits} UTC`;
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`; `in 3 min`. */
export function ago(value: string | number | Date, now: number = Date.now()): string {
  const seconds = Math.round((now - new Date(value).getTime()) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return "just now";
  const text =
    size < 60
      ? `${size} s`
      : size < 3600
        ? `${Math.floor(size / 60)} min`
        : size < 86_400
          ? `${Math.floor(size / 3600)} h`
          : `${Math.floor(size / 86_400)} d`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}
