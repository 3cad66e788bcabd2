/** Where a cursor over so many places goes with a key; undefined for keys that do not move it. It begins at the end. */
export function movedTo(key: string, place: number | null, count: number): number | undefined {
  if (count === 0) return undefined;
  const last = count - 1;
  const within = (one: number) => Math.min(Math.max(one, 0), last);
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return within((place ?? count) - 1);
    case "ArrowRight":
    case "ArrowUp":
      return within((place ?? last - 1) + 1);
    case "PageDown":
      return within((place ?? count) - Math.max(2, Math.round(count / 10)));
    case "PageUp":
      return within((place ?? last) + Math.max(2, Math.round(count / 10)));
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
