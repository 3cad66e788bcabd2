import { useElementSize } from "@mantine/hooks";
import { memo, type ReactNode } from "react";
import { formatDuration } from "@/lib/format";
import { ticksOf } from "./layout";
import classes from "./rows.module.css";
import type { Timeline } from "./use-timeline";

const HEAD = { role: "columnheader" } as const;
const TICK_PX = 74;

/** The heads of the columns; over the bars the times since the run started, with lines down through all rows. */
export const Axis = memo(function Axis({ timeline, splitter }: { timeline: Timeline; splitter: ReactNode }) {
  const { view, origin } = timeline;
  const { ref, width } = useElementSize();
  const ticks = ticksOf(view, origin, Math.max(1, Math.floor(width / TICK_PX)));
  const shareOf = (moment: number) => `${((moment - view.start) / (view.end - view.start)) * 100}%`;
  return (
    <>
      <div role="presentation" className={classes.grid} aria-hidden>
        <div className={classes.gridBars}>
          {ticks.map((tick) => (
            <span key={tick} className={classes.line} style={{ left: shareOf(tick) }} />
          ))}
        </div>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a table cannot be virtual */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: heads do nothing */}
      <div role="row" className={classes.head} aria-rowindex={1}>
        <HeadCell className={classes.headName}>
          Step
          {splitter}
        </HeadCell>
        <HeadCell className={classes.duration}>Duration</HeadCell>
        <HeadCell className={classes.tokens}>Tokens</HeadCell>
        <HeadCell className={classes.cost}>Cost</HeadCell>
        <div {...HEAD} className={classes.bars} ref={ref}>
          <span className={classes.hidden}>Time since the start</span>
          {ticks.map((tick) => (
            <span key={tick} className={classes.tick} style={{ left: shareOf(tick) }} aria-hidden>
              {formatDuration(tick - origin)}
            </span>
          ))}
        </div>
      </div>
    </>
  );
});

function HeadCell({ className, children }: { className: string | undefined; children: ReactNode }) {
  return (
    <div {...HEAD} className={className}>
      {children}
    </div>
  );
}
