import { ago, exactUtc, localTime } from "@/lib/time-text";
import { useNow } from "@/lib/use-now";

interface TimeProps {
  value: string | null | undefined;
  /** As the time that has passed since. */
  relative?: boolean;
}

/** A moment in the zone of whoever looks; hovering tells it exactly, in UTC. */
export function Time({ value, relative = false }: TimeProps) {
  const now = useNow(relative ? 5_000 : 60_000);
  if (!value) return <span>–</span>;
  return (
    <time dateTime={value} title={relative ? `${localTime(value, now)} · ${exactUtc(value)}` : exactUtc(value)}>
      {relative ? ago(value, now) : localTime(value, now)}
    </time>
  );
}
