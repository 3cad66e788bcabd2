import type { Run } from "@/api/shapes";

/** Scores by their names; of several of one name the average. */
export function averageScores(metrics: readonly Pick<Run["metrics"][number], "name" | "value">[]): Map<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { name, value } of metrics) {
    const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 };
    sums.set(name, { sum: sum + value, count: count + 1 });
  }
  return new Map([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}
