import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useColourScheme } from "./colours";
import classes from "./plot.module.css";
import { type Look, optionsOf } from "./plot-options";
import type { Value } from "./series";

/** Where the bars and lines are, within the plot, in CSS pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface PlotHandle {
  /** Puts the cursor on a bucket; null takes it away. */
  point: (bucket: number | null) => void;
}

export interface PlotProps {
  look: Look;
  starts: readonly number[];
  bucketMs: number;
  /** By bucket, in the order in which they are drawn. */
  layers: readonly (readonly Value[])[];
  height: number;
  format: (value: number) => string;
  handle: RefObject<PlotHandle | null>;
  onBox: (box: Box) => void;
  onPoint: (bucket: number | null) => void;
  /** From one bucket to another. */
  onSelect: (first: number, last: number) => void;
  /** A click on a bucket, at this height of the axis of values. */
  onChoose: (bucket: number, height: number, isTouch: boolean) => void;
}

/** The canvas: what is drawn, and where the mouse points in it. What it means is its parent's business. */
export function Plot(props: PlotProps) {
  const { look, starts, bucketMs, layers, height, handle } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const scheme = useColourScheme();
  const shape = JSON.stringify({ look, height, scheme });

  useLayoutEffect(() => {
    latest.current = props;
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn otherwise has to be built anew
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const built = build(element, latest);
    plot.current = built;
    handle.current = { point: (bucket) => point(built, bucket) };
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== built.width) built.setSize({ width, height: latest.current.height });
    });
    resized.observe(element);
    let isGone = false;
    document.fonts.ready.then(() => isGone || built.redraw(false, true));
    return () => {
      isGone = true;
      resized.disconnect();
      built.destroy();
      plot.current = null;
      handle.current = null;
    };
  }, [shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew with the data, which `latest` has
  useEffect(() => {
    plot.current?.setData(alignedOf(latest.current));
  }, [starts, layers, bucketMs]);

  return <div ref={host} className={classes.plot} style={{ height }} />;
}

/** The buckets' middles, so that what is nearest to the mouse is the bucket under it. */
function alignedOf({ starts, bucketMs, layers }: PlotProps): uPlot.AlignedData {
  return [starts.map((start) => start + bucketMs / 2), ...layers.map((layer) => [...layer])];
}

function build(element: HTMLElement, latest: RefObject<PlotProps>): uPlot {
  const { look, height } = latest.current;
  const sources = {
    span: (): [number, number] => {
      const { starts, bucketMs } = latest.current;
      return [starts[0] ?? 0, (starts.at(-1) ?? 0) + bucketMs];
    },
    format: (value: number) => latest.current.format(value),
  };
  const hooks: uPlot.Hooks.Arrays = {
    draw: [(u) => latest.current.onBox(boxOf(u))],
    setCursor: [(u) => latest.current.onPoint(bucketAt(u))],
    setSelect: [(u) => select(u, latest.current)],
  } as Partial<uPlot.Hooks.Arrays> as uPlot.Hooks.Arrays; // its types want every hook, it does not
  const size = { width: Math.max(element.clientWidth, 60), height };
  const built = new uPlot(optionsOf(look, sources, size, hooks), alignedOf(latest.current), element);
  built.over.addEventListener("click", (event) => choose(built, event, latest.current));
  return built;
}

function bucketAt(u: uPlot): number | null {
  return (u.cursor.left ?? -1) < 0 ? null : (u.cursor.idx ?? null);
}

function boxOf(u: uPlot): Box {
  const { left, top, width, height } = u.bbox;
  const ratio = uPlot.pxRatio;
  return { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
}

function point(u: uPlot, bucket: number | null): void {
  const middle = bucket === null ? undefined : u.data[0][bucket];
  u.setCursor(middle === undefined ? { left: -10, top: -10 } : { left: u.valToPos(middle, "x"), top: 0 });
}

function select(u: uPlot, { onSelect }: PlotProps): void {
  const { left, width } = u.select;
  if (width <= 0) return;
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onSelect(u.posToIdx(left), u.posToIdx(left + width));
}

function choose(u: uPlot, event: MouseEvent, { onChoose }: PlotProps): void {
  const bucket = u.posToIdx(event.offsetX);
  const isTouch = event instanceof PointerEvent && event.pointerType === "touch";
  if (u.data[0].length > 0) onChoose(bucket, u.posToVal(event.offsetY, "y"), isTouch);
}
