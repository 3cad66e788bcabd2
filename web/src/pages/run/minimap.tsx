import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import { formatDuration } from "@/lib/format";
import { fitView, isWhole, panView, type Span } from "./layout";
import classes from "./minimap.module.css";
import { type Bins, minimapBins } from "./minimap-bins";
import { useMinimapDrag } from "./use-minimap-drag";
import type { Timeline } from "./use-timeline";

const HEIGHT_PX = 44;
const STEP_SHARE = 0.02;

/** All steps at once, and which part of the time is seen below: to move, to resize, or to draw anew. */
export function Minimap({ timeline }: { timeline: Timeline }) {
  const { tree, whole, openEnd, view, setView, origin } = timeline;
  const { ref, width } = useElementSize();
  const frame = useRef<HTMLDivElement>(null);
  useMinimapDrag(frame, timeline);
  const columns = Math.max(1, Math.floor(width));
  const bins = useMemo(() => minimapBins(tree, whole, openEnd, HEIGHT_PX, columns), [tree, whole, openEnd, columns]);
  const shareOf = (moment: number) => (moment - whole.start) / (whole.end - whole.start);
  const [left, right] = [shareOf(view.start) * 100, shareOf(view.end) * 100];
  const edge = (side: "start" | "end", by: number): Span => {
    const moved = { ...view, [side]: view[side] + by * (whole.end - whole.start) };
    return moved.start < moved.end ? fitView(moved, whole) : view;
  };
  return (
    <div className={classes.frame} ref={frame} data-minimap="">
      <div ref={ref} className={classes.picture}>
        <Picture bins={bins} />
      </div>
      <div className={classes.shade} style={{ left: 0, width: `${left}%` }} />
      <div className={classes.shade} style={{ left: `${right}%`, right: 0 }} />
      {!isWhole(view, whole) && (
        <div className={classes.window} style={{ left: `${left}%`, width: `${right - left}%` }} data-part="window" />
      )}
      {(["start", "end"] as const).map((side) => (
        <Handle
          key={side}
          side={side}
          at={side === "start" ? left : right}
          text={formatDuration(view[side] - origin)}
          onMove={(by) => setView(edge(side, by))}
          onPan={(by) => setView(panView(view, whole, by))}
        />
      ))}
    </div>
  );
}

interface HandleProps {
  side: "start" | "end";
  at: number;
  text: string;
  onMove: (share: number) => void;
  onPan: (share: number) => void;
}

function Handle({ side, at, text, onMove, onPan }: HandleProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? -STEP_SHARE : event.key === "ArrowRight" ? STEP_SHARE : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) onPan(by * 5);
    else onMove(by);
  };
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={side === "start" ? "Start of what is seen" : "End of what is seen"}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(at)}
      aria-valuetext={`${text} after the start`}
      aria-orientation="horizontal"
      className={classes.handle}
      style={{ left: `${at}%` }}
      data-part={side}
      onKeyDown={onKeyDown}
    />
  );
}

function Picture({ bins }: { bins: Bins }) {
  const scheme = useComputedColorScheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are those of the scheme
  useEffect(() => {
    if (canvas.current) draw(canvas.current, bins);
  }, [bins, scheme]);
  return <canvas ref={canvas} className={classes.canvas} aria-hidden />;
}

function draw(canvas: HTMLCanvasElement, { lanes, columns, counts, failures }: Bins): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const [normal, failed] = [style.getPropertyValue("--bar"), style.getPropertyValue("--failed")];
  canvas.width = columns;
  canvas.height = HEIGHT_PX;
  const high = Math.max(1, HEIGHT_PX / lanes - (HEIGHT_PX / lanes > 3 ? 1 : 0));
  context.fillStyle = normal;
  for (let lane = 0; lane < lanes; lane++) {
    const top = (lane * HEIGHT_PX) / lanes;
    let from = 0;
    for (let column = 1; column <= columns; column++) {
      const count = counts[lane * columns + from] ?? 0;
      if (column < columns && counts[lane * columns + column] === count) continue;
      if (count > 0) {
        context.globalAlpha = Math.min(1, 0.45 + 0.2 * count);
        context.fillRect(from, top, column - from, high);
      }
      from = column;
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = failed;
  failures.forEach((isFailed, bin) => {
    if (!isFailed) return;
    const top = (Math.floor(bin / columns) * HEIGHT_PX) / lanes;
    context.fillRect((bin % columns) - 1, Math.min(top, HEIGHT_PX - 4), 3, Math.max(high, 4));
  });
}
