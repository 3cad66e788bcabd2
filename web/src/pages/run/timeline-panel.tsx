import { Button, Group, Paper, Text } from "@mantine/core";
import { useDisclosure, useLocalStorage } from "@mantine/hooks";
import { type CSSProperties, useRef } from "react";
import { EmptyState, ErrorNotice } from "@/components/notices";
import { formatCount } from "@/lib/format";
import { KeyHelp } from "./key-help";
import { isUnderWay } from "./layout";
import { Minimap } from "./minimap";
import { PathSummary } from "./path-summary";
import { Rows } from "./rows";
import { Splitter } from "./splitter";
import classes from "./timeline-panel.module.css";
import { Toolbar } from "./toolbar";
import { useKeys } from "./use-keys";
import type { RunSteps } from "./use-run";
import type { Timeline } from "./use-timeline";

const TREE_PERCENT = { initial: 34, least: 15, most: 70 };

/** The steps of a run, as a tree and on the time axis. */
export function TimelinePanel({ timeline, loaded }: { timeline: Timeline; loaded: RunSteps }) {
  const frame = useRef<HTMLDivElement>(null);
  const searchField = useRef<HTMLInputElement>(null);
  const [isHelpOpen, help] = useDisclosure(false);
  const [treePercent, setTreePercent] = useLocalStorage({
    key: "run-tree-percent",
    defaultValue: TREE_PERCENT.initial,
  });
  useKeys(timeline, { frame, searchField, onHelp: help.open });
  const width: CSSProperties & Record<"--tree-width", string> = { "--tree-width": `${treePercent}%` };
  const splitter = (
    <Splitter
      label="Width of the tree"
      value={treePercent}
      {...TREE_PERCENT}
      onChange={setTreePercent}
      whole={() => frame.current}
      className={classes.splitter}
    />
  );
  const isFirstPageComing = loaded.steps.length === 0 && !loaded.isComplete && !loaded.error;
  return (
    <Paper
      component="section"
      withBorder
      className={classes.panel}
      aria-labelledby="steps-heading"
      aria-busy={isFirstPageComing || undefined}
      style={width}
    >
      <h2 id="steps-heading" className={classes.hidden}>
        Steps
      </h2>
      <Toolbar timeline={timeline} searchField={searchField} onHelp={help.open} />
      <PathSummary timeline={timeline} />
      <Minimap timeline={timeline} />
      {timeline.rows.length > 0 ? (
        <Rows timeline={timeline} frame={frame} splitter={splitter} />
      ) : (
        <NoRows timeline={timeline} loaded={loaded} />
      )}
      <Progress timeline={timeline} loaded={loaded} />
      <KeyHelp isOpen={isHelpOpen} onClose={help.close} />
    </Paper>
  );
}

function NoRows({ timeline, loaded }: { timeline: Timeline; loaded: RunSteps }) {
  const { search, setSearch, run } = timeline;
  if (loaded.error) return null;
  if (search.only && loaded.steps.length > 0) {
    return (
      <div className={classes.empty}>
        <EmptyState title={search.only === "errors" ? "No step failed" : "No step matches"}>
          <Button variant="default" onClick={() => setSearch({ only: undefined })}>
            Show all steps
          </Button>
        </EmptyState>
      </div>
    );
  }
  if (!loaded.isComplete) {
    return (
      <div className={classes.empty} role="status">
        <EmptyState title="Loading the steps…" />
      </div>
    );
  }
  return (
    <div className={classes.empty}>
      <EmptyState title={isUnderWay(run) ? "No steps yet" : "This run has no steps"}>
        {isUnderWay(run) ? "They appear here as they arrive." : "The agent sent none, or they are still on their way."}
      </EmptyState>
    </div>
  );
}

function Progress({ timeline: { run }, loaded }: { timeline: Timeline; loaded: RunSteps }) {
  if (loaded.error) {
    return (
      <div className={classes.notice}>
        <ErrorNotice error={loaded.error} onRetry={() => loaded.refresh()} />
      </div>
    );
  }
  if (loaded.isComplete || loaded.steps.length === 0) return null;
  return (
    <Group className={classes.progress} gap={8}>
      <progress
        value={loaded.steps.length}
        max={Math.max(run.stepCount, loaded.steps.length)}
        aria-label="Steps loaded"
      />
      <Text size="xs" c="dimmed">
        {formatCount(loaded.steps.length)} of {formatCount(Math.max(run.stepCount, loaded.steps.length))} steps
      </Text>
    </Group>
  );
}
