/** How uPlot draws: axes, grid, bars and lines in the colours of the theme. */
import uPlot from "uplot";
import { colourOf } from "./colours";
import { lonePoints } from "./series";
import { logTicks, timeTicks, type Unit, valueTicks } from "./ticks";
import { tickLabel } from "./time-labels";

export type Kind = "bars" | "lines" | "area";

export interface Look {
  kind: Kind;
  stacked: boolean;
  unit: Unit;
  /** Values by their powers of ten: where one is so high that the others could not be told from zero. */
  isLog: boolean;
  /** In the order in which they are drawn, the later ones over the earlier ones. */
  colors: readonly string[];
  canBrush: boolean;
}

export interface Sources {
  /** The first and the last moment of the axis. */
  span: () => [number, number];
  format: (value: number) => string;
}

const FONT = "11px 'Inter Variable', system-ui, sans-serif";
const CHARACTER_WIDTH = 6.4;
const X_AXIS_HEIGHT = 24;
const LOG_PADDING = 1.3;
const RIGHT_PADDING = 10;
const TICK_DISTANCE = { x: 76, y: 40 };

export function optionsOf(
  look: Look,
  sources: Sources,
  size: { width: number; height: number },
  hooks: uPlot.Hooks.Arrays,
): uPlot.Options {
  const count = Math.floor((size.height - X_AXIS_HEIGHT) / TICK_DISTANCE.y);
  const ticks = (least: number, most: number) =>
    look.isLog ? logTicks(least, most) : valueTicks(most, count, look.unit);
  return {
    ...size,
    ms: 1,
    padding: [8, RIGHT_PADDING, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: sources.span },
      y: look.isLog
        ? { distr: 3, range: (_, min, max) => [min / LOG_PADDING, max * LOG_PADDING] }
        : { range: (_, __, max) => [0, ticks(0, max).at(-1) ?? 1] },
    },
    axes: axesOf(sources, ticks),
    series: [{}, ...look.colors.map((color) => seriesOf(color, look))],
    cursor: {
      x: false,
      y: false,
      drag: { x: look.canBrush, y: false, setScale: false, dist: 5 },
      points: { show: look.kind !== "bars", size: 7, width: 1.5, stroke: colourOf("var(--ag-surface)") },
      bind: { dblclick: () => null },
    },
    hooks,
  };
}

function axesOf({ format }: Sources, ticks: (least: number, most: number) => number[]): uPlot.Axis[] {
  const [text, grid] = [colourOf("var(--ag-dimmed)"), colourOf("var(--ag-grid)")];
  const strong = colourOf("var(--ag-border-strong)");
  const common = { stroke: text, font: FONT, gap: 4 };
  return [
    {
      ...common,
      size: X_AXIS_HEIGHT,
      grid: { show: false },
      ticks: { stroke: strong, width: 1, size: 4 },
      border: { show: true, stroke: strong, width: 1 },
      splits: (u, _, min, max) => timeTicks(min, max, Math.floor(u.bbox.width / uPlot.pxRatio / TICK_DISTANCE.x)),
      // a text that would be cut at the right edge is left out
      values: (u, splits) =>
        splits.map((ms) => {
          const text = tickLabel(ms);
          const end = u.valToPos(ms, "x") + (text.length * CHARACTER_WIDTH) / 2;
          return end > u.bbox.width / uPlot.pxRatio + RIGHT_PADDING ? "" : text;
        }),
    },
    {
      ...common,
      size: (_, values) => Math.max(24, ...(values ?? []).map((value) => value.length * CHARACTER_WIDTH + 10)),
      grid: { stroke: grid, width: 1 },
      ticks: { show: false },
      splits: (_, __, min, max) => ticks(min, max),
      filter: (_, splits) => splits,
      values: (_, splits) => splits.map(format),
    },
  ];
}

function seriesOf(color: string, { kind, stacked }: Look): uPlot.Series {
  const stroke = colourOf(color);
  if (kind === "bars") {
    const paths = uPlot.paths.bars?.({ size: [1, 72], gap: 1 });
    return { fill: stroke, stroke, width: 0, paths, points: { show: false } };
  }
  const points: uPlot.Series.Points = {
    show: false,
    filter: (u, index) => lonePoints([...(u.data[index] ?? [])]),
    size: 5,
    fill: stroke,
  };
  const fill = kind === "area" ? (stacked ? stroke : `color-mix(in srgb, ${stroke} 22%, transparent)`) : undefined;
  return { stroke, fill, width: stacked ? 0.5 : 1.75, points };
}
