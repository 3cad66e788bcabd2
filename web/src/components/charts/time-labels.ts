/** Buckets and marks of a time axis in the local zone, as short as they can be told apart. */

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

/** `14:00`, and the day at midnight: `3 Mar`. */
export function tickLabel(moment: number): string {
  return isMidnight(moment) ? day.format(moment) : clock.format(moment);
}

/** `Tue 3 Mar, 14:00 – 15:00`; whole local days without the time. */
export function spanLabel(from: number, to: number): string {
  if (isMidnight(from) && isMidnight(to)) {
    const last = to - 1;
    return sameDay(from, last) ? weekday.format(from) : `${weekday.format(from)} – ${weekday.format(last)}`;
  }
  const end = sameDay(from, to) ? clock.format(to) : `${weekday.format(to)}, ${clock.format(to)}`;
  return `${weekday.format(from)}, ${clock.format(from)} – ${end}`;
}

function isMidnight(moment: number): boolean {
  const date = new Date(moment);
  return date.getHours() === 0 && date.getMinutes() === 0;
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
