import { useEffect, useState } from "react";

/** The time, anew every so many milliseconds: for what says how long ago something was, and for windows that move on. */
export function useNow(everyMs = 10_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
