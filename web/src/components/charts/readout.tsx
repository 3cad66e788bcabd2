import type { Box } from "./plot";
import classes from "./readout.module.css";
import { type ChartData, total } from "./series";
import { spanLabel } from "./time-labels";

interface ReadoutProps {
  box: Box;
  data: ChartData;
  bucket: number;
  /** Where a span begins that is being chosen; the bucket itself without one. */
  anchor: number;
  bucketMs: number;
  isSummed: boolean;
  format: (value: number) => string;
}

/** What is in the bucket under the cursor. */
export function Readout({ box, data, bucket, anchor, bucketMs, isSummed, format }: ReadoutProps) {
  const [first, last] = [Math.min(anchor, bucket), Math.max(anchor, bucket)];
  const [start, end] = [data.starts[first], data.starts[last]];
  if (start === undefined || end === undefined) return null;
  const step = box.width / data.starts.length;
  const [left, right] = [box.left + first * step, box.left + (last + 1) * step];
  const isRight = left > box.left + box.width / 2;
  const text = (value: number | null) => (value === null ? "–" : format(value));
  const sum = total(data.series.map(({ values }) => values[bucket] ?? null));
  return (
    <>
      <div
        className={classes.column}
        style={{ left, width: Math.max(1, right - left), top: box.top, height: box.height }}
        aria-hidden
      />
      <div
        className={classes.readout}
        data-side={isRight ? "left" : "right"}
        style={{ left: isRight ? left - 8 : right + 8, top: box.top }}
        aria-hidden
      >
        <div className={classes.when}>{spanLabel(start, end + bucketMs)}</div>
        {first !== last ? (
          "Enter shows this window alone"
        ) : (
          <table>
            <tbody>
              {data.series.map(({ key, label, color, values }) => (
                <tr key={key}>
                  <td>
                    <span className={classes.swatch} style={{ background: color }} />
                    {label}
                  </td>
                  <td>{text(values[bucket] ?? null)}</td>
                </tr>
              ))}
              {isSummed && (
                <tr className={classes.total}>
                  <td>Total</td>
                  <td>{text(sum)}</td>
                </tr>
              )}
            </tbody>
          </table>
        )}
      </div>
    </>
  );
}
