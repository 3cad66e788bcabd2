import { useCallback, useMemo, useRef, useState } from "react";
import { ChartFrame } from "./chart-frame";
import { ChartTable } from "./chart-table";
import { Legend } from "./legend";
import { type Box, Plot, type PlotHandle } from "./plot";
import type { Kind } from "./plot-options";
import { Readout } from "./readout";
import { type ChartData, isEmpty, isWide, layerAt, type Series, stackOf } from "./series";
import type { Unit } from "./ticks";
import classes from "./time-chart.module.css";
import { useCursorKeys } from "./use-cursor-keys";
import { bucketWords, wordsOf } from "./words";

export interface TimeChartProps {
  /** What is shown, for those who do not see it. */
  label: string;
  data: ChartData;
  bucketMs: number;
  kind: Kind;
  /** The values upon one another: only where they can be added up. */
  stacked?: boolean;
  height?: number;
  /** Which values are round: counts have no halves, durations (ms) go by seconds and minutes. */
  unit?: Unit;
  format: (value: number) => string;
  /** What to say where there is nothing. */
  emptyText?: string;
  /** A span of buckets was chosen, by dragging or with shift and the arrows. */
  onBrush?: (from: Date, to: Date) => void;
  /** A bucket was chosen; the series only where a bar or area of it was. */
  onChoose?: (start: Date, end: Date, seriesKey?: string) => void;
}

/** Values over time, by bucket. Its marks, cursor and legend are the same for mouse and keyboard. */
export function TimeChart(props: TimeChartProps) {
  const { label, data, bucketMs, kind, stacked = false, height = 180, unit, format, emptyText } = props;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [isTable, setTable] = useState(false);
  const shown = useMemo(() => ({ ...data, series: data.series.filter(({ key }) => !hidden.has(key)) }), [data, hidden]);
  const isLog = kind !== "bars" && !stacked && unit === "duration" && isWide(data.series);
  const adds = stacked || (kind === "bars" && unit !== "duration");
  const words = wordsOf(label, data, bucketMs, adds, format);
  const toggle = (key: string) =>
    setHidden((old) => (old.has(key) ? new Set([...old].filter((one) => one !== key)) : new Set(old).add(key)));
  const legend = data.series.length > 1 && !isTable && (
    <Legend label={label} series={data.series} hidden={hidden} onToggle={toggle} kind={kind} />
  );
  return (
    <ChartFrame
      note={isLog && !isTable ? "log scale" : undefined}
      legend={legend}
      isTable={isTable}
      onTable={isEmpty(data) ? undefined : setTable}
      label={label}
    >
      {isEmpty(data) ? (
        <div className={classes.empty} style={{ height }}>
          {emptyText ?? "Nothing in this window"}
        </div>
      ) : isTable ? (
        <ChartTable label={label} data={data} bucketMs={bucketMs} height={height} format={format} />
      ) : (
        <Canvas {...props} stacked={stacked} height={height} isLog={isLog} data={shown} words={words} />
      )}
    </ChartFrame>
  );
}

type CanvasProps = TimeChartProps & { stacked: boolean; height: number; isLog: boolean; words: string };

function Canvas({ label, data, bucketMs, unit = "number", format, words, onBrush, onChoose, ...rest }: CanvasProps) {
  const { kind, stacked, height, isLog } = rest;
  const [box, setBox] = useState<Box>();
  const [bucket, setBucket] = useState<number | null>(null);
  const tapped = useRef<number | null>(null);
  const handle = useRef<PlotHandle>(null);
  const layers = useMemo(() => layersOf(data.series, stacked), [data.series, stacked]);
  const colors = layers.map(({ color }) => color);
  const look = { kind, stacked, unit, isLog, colors, canBrush: onBrush !== undefined };
  const startOf = (index: number) => data.starts[Math.min(Math.max(index, 0), data.starts.length - 1)] ?? 0;
  const spanOf = (first: number, last: number): [Date, Date] => [
    new Date(startOf(first)),
    new Date(startOf(last) + bucketMs),
  ];
  const brush = (first: number, last: number) => onBrush?.(...spanOf(first, last));
  const choose = (index: number, seriesKey?: string) => onChoose?.(...spanOf(index, index), seriesKey);
  const chooseAt = (index: number, value: number, isTouch: boolean) => {
    // A finger cannot hover: its first tap shows what is there, its second one chooses.
    if (isTouch && tapped.current !== index) {
      tapped.current = index;
      return;
    }
    const layer = stacked ? layerAt(stackOf(data.series), index, value) : undefined;
    choose(index, layer === undefined ? undefined : data.series[layer]?.key);
  };
  const keys = useCursorKeys({
    count: data.starts.length,
    bucket,
    onPoint: (index) => handle.current?.point(index),
    onChoose: onChoose && choose,
    onBrush: onBrush && brush,
  });
  const keepBox = useCallback((found: Box) => setBox((old) => (isSameBox(old, found) ? old : found)), []);
  const now = bucket ?? data.starts.length - 1;
  return (
    <div className={classes.canvas} data-choosable={onChoose ? true : undefined}>
      <div role="img" aria-label={words}>
        <Plot
          look={look}
          starts={data.starts}
          bucketMs={bucketMs}
          layers={useMemo(() => layers.map(({ values }) => values), [layers])}
          height={height}
          format={format}
          handle={handle}
          onBox={keepBox}
          onPoint={setBucket}
          onSelect={brush}
          onChoose={chooseAt}
        />
      </div>
      {/* A slider is what a cursor over buckets is: arrows move it, and it says where it stands. */}
      <div
        role="slider"
        tabIndex={0}
        className={classes.keys}
        aria-label={`${label}: buckets of time`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, data.starts.length - 1)}
        aria-valuenow={now}
        aria-valuetext={bucketWords(data, now, bucketMs, format)}
        aria-description={hintOf({ onBrush, onChoose })}
        onKeyDown={keys.onKeyDown}
        onBlur={keys.onBlur}
      />
      {box && bucket !== null && (
        <Readout
          box={box}
          data={data}
          bucket={bucket}
          anchor={keys.anchor ?? bucket}
          bucketMs={bucketMs}
          isSummed={stacked && data.series.length > 1}
          format={format}
        />
      )}
    </div>
  );
}

/** In the order in which they are drawn: of a stack the top first, so that each covers what is under its own end. */
function layersOf(series: readonly Series[], stacked: boolean): Pick<Series, "color" | "values">[] {
  if (!stacked) return [...series];
  const stack = stackOf(series);
  return series.map(({ color }, index) => ({ color, values: stack[index] ?? [] })).toReversed();
}

function isSameBox(one: Box | undefined, other: Box): boolean {
  return (
    one !== undefined &&
    one.left === other.left &&
    one.top === other.top &&
    one.width === other.width &&
    one.height === other.height
  );
}

function hintOf({ onBrush, onChoose }: Pick<TimeChartProps, "onBrush" | "onChoose">): string {
  const parts = ["The arrows move."];
  if (onChoose) parts.push("Enter opens the bucket.");
  if (onBrush) parts.push("Shift and the arrows choose a span, enter then narrows the window to it.");
  return parts.join(" ");
}
