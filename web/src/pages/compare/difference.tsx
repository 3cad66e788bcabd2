import { changeOf, formatChange } from "@/lib/format";
import classes from "./difference.module.css";

interface DifferenceProps {
  a: number | null | undefined;
  b: number | null | undefined;
  format: (value: number) => string;
  lessIsBetter?: boolean;
}

/** By how much B is more or less than A: as it is, and as a share. */
export function Difference({ a, b, format, lessIsBetter }: DifferenceProps) {
  if (typeof a !== "number" || typeof b !== "number") return <span className={classes.none}>–</span>;
  const difference = b - a;
  if (Math.abs(difference) < 1e-9) return <span className={classes.none}>±0</span>;
  const change = changeOf(b, a);
  const news = lessIsBetter ? (difference < 0 ? "good" : "bad") : undefined;
  return (
    <span className={classes.difference} data-news={news}>
      {difference > 0 ? "+" : "−"}
      {format(Math.abs(difference))}
      {change !== undefined && <span className={classes.share}>{formatChange(change)}</span>}
    </span>
  );
}
