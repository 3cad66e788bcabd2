import { useMemo, useState } from "react";
import { formatDuration, formatPercent, plural } from "@/lib/format";
import { binsOf, type DurationBucket, placeOf, rowsOf } from "./bins";
import { ChartFrame } from "./chart-frame";
import classes from "./histogram.module.css";
import { HistogramTable } from "./histogram-table";
import { logTicks } from "./ticks";
import { useCursorKeys } from "./use-cursor-keys";

export interface HistogramProps {
  label: string;
  buckets: readonly DurationBucket[];
  /** Durations that stand out: p50, p95, p99. Null ones are left out. */
  marks?: readonly { label: string; ms: number | null }[];
  height?: number;
  color?: string;
  /** What is counted, for one: `run`. */
  noun?: string;
  onChoose?: (fromMs: number, toMs: number) => void;
}

const BINS_MAX = 56;
/** Of a mark's text, as a share; those near the end stand left of their line. */
const MARK_WIDTH = 0.22;
const MARK_END = 0.8;
const MARK_ROW_HEIGHT = 16;
const EDGE = 0.05;

/** How often which duration was, on a logarithmic axis. */
export function Histogram(props: HistogramProps) {
  const { label, buckets, height = 180 } = props;
  const [isTable, setTable] = useState(false);
  const bins = useMemo(() => binsOf(buckets, BINS_MAX), [buckets]);
  const hasAny = bins.length > 0;
  return (
    <ChartFrame label={label} isTable={isTable} onTable={hasAny ? setTable : undefined}>
      {!hasAny ? (
        <div className={classes.empty} style={{ height }}>
          No durations in this window
        </div>
      ) : isTable ? (
        <HistogramTable label={label} bins={bins} height={height} />
      ) : (
        <Bins {...props} bins={bins} height={height} />
      )}
    </ChartFrame>
  );
}

type BinsProps = HistogramProps & { bins: DurationBucket[]; height: number };

function Bins({ label, bins, marks = [], height, color, noun = "time", onChoose }: BinsProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  const axis = { fromMs: bins[0]?.fromMs ?? 1, toMs: bins.at(-1)?.toMs ?? 10 };
  const most = Math.max(...bins.map(({ count }) => count));
  const all = bins.reduce((sum, { count }) => sum + count, 0);
  const known = marks.flatMap(({ label: name, ms }) => (ms === null ? [] : [{ name, ms, place: placeOf(ms, axis) }]));
  const rows = rowsOf(
    known.map(({ place }) => (place > MARK_END ? place - MARK_WIDTH : place)),
    MARK_WIDTH,
  );
  const choose = (index: number) => {
    const bin = bins[index];
    if (bin) onChoose?.(bin.fromMs, bin.toMs);
  };
  const keys = useCursorKeys({
    count: bins.length,
    bucket: pointed,
    onPoint: setPointed,
    onChoose: onChoose && choose,
  });
  const textOf = ({ fromMs, toMs, count }: DurationBucket) =>
    `${formatDuration(fromMs)} to ${formatDuration(toMs)}: ${plural(count, noun)}, ${formatPercent(count / all)}`;
  const shown = bins[pointed ?? bins.length - 1];
  return (
    <div className={classes.histogram} style={{ height }}>
      <div className={classes.marks} style={{ height: MARK_ROW_HEIGHT * (Math.max(-1, ...rows) + 1) }}>
        {known.map(({ name, ms, place }, index) => (
          <span
            key={name}
            className={classes.mark}
            data-end={place > MARK_END || undefined}
            style={{ left: `${place * 100}%`, top: (rows[index] ?? 0) * MARK_ROW_HEIGHT }}
          >
            {name} {formatDuration(ms)}
          </span>
        ))}
      </div>
      <div className={classes.bins} role="img" aria-label={wordsOf(label, bins, known, all, noun)}>
        {bins.map((bin, index) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the slider below does the same by keyboard
          // biome-ignore lint/a11y/useKeyWithClickEvents: as above
          <div
            key={bin.fromMs}
            className={classes.bin}
            data-pointed={pointed === index || undefined}
            data-choosable={(onChoose && bin.count > 0) || undefined}
            onMouseEnter={() => setPointed(index)}
            onMouseLeave={() => setPointed(null)}
            onClick={() => bin.count > 0 && choose(index)}
          >
            <div
              className={classes.bar}
              style={{ height: bin.count > 0 ? `max(2px, ${(bin.count / most) * 100}%)` : 0, background: color }}
            />
          </div>
        ))}
        {known.map(({ name, place }) => (
          <span key={name} className={classes.line} style={{ left: `${place * 100}%` }} />
        ))}
      </div>
      <div
        role="slider"
        tabIndex={0}
        className={classes.keys}
        aria-label={`${label}: durations`}
        aria-valuemin={0}
        aria-valuemax={bins.length - 1}
        aria-valuenow={pointed ?? bins.length - 1}
        aria-valuetext={shown && textOf(shown)}
        onKeyDown={keys.onKeyDown}
        onBlur={keys.onBlur}
      />
      <div className={classes.axis} aria-hidden>
        {logTicks(axis.fromMs, axis.toMs).map((ms) => (
          <Tick key={ms} ms={ms} place={placeOf(ms, axis)} />
        ))}
      </div>
      {pointed !== null && shown && (
        <div
          className={classes.readout}
          data-side={pointed > bins.length / 2 ? "left" : "right"}
          style={{ left: `${((pointed + (pointed > bins.length / 2 ? 0 : 1)) / bins.length) * 100}%` }}
          aria-hidden
        >
          {textOf(shown)}
        </div>
      )}
    </div>
  );
}

/** Centred below its place, but for the ends, where it would be cut. */
function Tick({ ms, place }: { ms: number; place: number }) {
  const edge = place < EDGE ? "start" : place > 1 - EDGE ? "end" : undefined;
  return (
    <span className={classes.tick} data-edge={edge} style={{ left: `${place * 100}%` }}>
      {formatDuration(ms)}
    </span>
  );
}

function wordsOf(
  label: string,
  bins: readonly DurationBucket[],
  marks: readonly { name: string; ms: number }[],
  all: number,
  noun: string,
): string {
  const [first, last] = [bins[0], bins.at(-1)];
  const said = marks.map(({ name, ms }) => `${name} ${formatDuration(ms)}`).join(", ");
  const range = first && last ? `from ${formatDuration(first.fromMs)} to ${formatDuration(last.toMs)}` : "";
  return `${label}: ${plural(all, noun)} ${range}${said && `; ${said}`}.`;
}
