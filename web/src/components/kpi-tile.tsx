import { Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { changeOf, formatChange, formatPoints, shareChangeOf } from "@/lib/format";
import classes from "./kpi-tile.module.css";

interface KpiTileProps {
  label: string;
  /** As it is shown. */
  value: string;
  now?: number | null;
  before?: number | null;
  /** Shares change in points, other figures by a share of what they were. */
  unit?: "share";
  /** Which way is good news; without it a change is neither. */
  better?: "up" | "down";
  /** The figure as a link to what is behind it: gets what is to be shown. */
  link?: (content: ReactNode) => ReactNode;
  hint?: string;
}

/** One figure, how it changed against the window before, and the way to what is behind it. */
export function KpiTile({ label, value, now, before, unit, better, link, hint }: KpiTileProps) {
  const isShare = unit === "share";
  const change = isShare ? shareChangeOf(now, before) : changeOf(now, before);
  const figure = <span className={classes.value}>{value}</span>;
  return (
    <Paper withBorder p="xs" px="sm" className={classes.tile} title={hint}>
      <Text size="xs" c="dimmed" component="h2" fw={500}>
        {label}
      </Text>
      <div className={classes.figures}>
        {link ? link(figure) : figure}
        {change !== undefined && (
          <span
            className={classes.change}
            data-news={newsOf(change, isShare ? NEWS_OF_SHARE : NEWS, better)}
            title="against the window before, of the same length"
          >
            {isShare ? formatPoints(change) : formatChange(change)}
            <span className={classes.hidden}> against the window before</span>
          </span>
        )}
      </div>
    </Paper>
  );
}

/** A change by less than this is no news. */
const NEWS = 0.05;
const NEWS_OF_SHARE = 0.01;

function newsOf(change: number, least: number, better: "up" | "down" | undefined): "good" | "bad" | undefined {
  if (better === undefined || Math.abs(change) < least) return undefined;
  return change > 0 === (better === "up") ? "good" : "bad";
}
