import { Modal, Skeleton } from "@mantine/core";
import { useLocalStorage, useMediaQuery } from "@mantine/hooks";
import { type ReactNode, useRef } from "react";
import type { Run } from "@/api/shapes";
import { EmptyState } from "@/components/notices";
import { RunFacts } from "./header";
import { RunPayloads } from "./run-payloads";
import classes from "./run-view.module.css";
import type { RunPageSearch } from "./search";
import { Splitter } from "./splitter";
import { StepPanel } from "./step-panel/step-panel";
import { TimelinePanel } from "./timeline-panel";
import { NONE } from "./tree";
import { useLiveRun, useLoneStep, useRunSteps } from "./use-run";
import { type SetSearch, type Timeline, useTimeline } from "./use-timeline";

interface RunViewProps {
  run: Run;
  search: RunPageSearch;
  setSearch: SetSearch;
}

/** A run that is there: its figures, its steps, and the one that was chosen. */
export function RunView({ run, search, setSearch }: RunViewProps) {
  const loaded = useRunSteps(run.id);
  useLiveRun(run, loaded);
  const timeline = useTimeline(run, loaded, search, setSearch);
  return (
    <div className={classes.view}>
      <div className={classes.header}>
        <RunFacts run={run} />
        <RunPayloads run={run} asked={search.show} onAsk={(show) => setSearch({ show })} />
      </div>
      <Beside
        panel={search.step !== undefined && <ChosenStep timeline={timeline} id={search.step} />}
        onClose={timeline.closeStep}
      >
        <TimelinePanel timeline={timeline} loaded={loaded} />
      </Beside>
    </div>
  );
}

const TIMELINE_PERCENT = { initial: 60, least: 30, most: 80 };

interface BesideProps {
  panel: ReactNode;
  onClose: () => void;
  children: ReactNode;
}

/** The panel at the right; over all of the screen where that is narrow. */
function Beside({ panel, onClose, children }: BesideProps) {
  const parts = useRef<HTMLDivElement>(null);
  const isNarrow = useMediaQuery("(max-width: 62em)", undefined, { getInitialValueInEffect: false });
  const [percent, setPercent] = useLocalStorage({
    key: "run-timeline-percent",
    defaultValue: TIMELINE_PERCENT.initial,
    getInitialValueInEffect: false,
  });
  if (isNarrow) {
    return (
      <div className={classes.parts}>
        {children}
        <Modal
          opened={panel !== false}
          onClose={onClose}
          fullScreen
          withCloseButton={false}
          padding={0}
          aria-label="Step"
          transitionProps={{ duration: 0 }}
        >
          {panel}
        </Modal>
      </div>
    );
  }
  return (
    <div className={classes.parts} ref={parts}>
      <div className={classes.timeline} style={panel ? { width: `${percent}%` } : { flex: 1 }}>
        {children}
      </div>
      {panel && (
        <>
          <Splitter
            label="Width of the steps"
            value={percent}
            {...TIMELINE_PERCENT}
            onChange={setPercent}
            whole={() => parts.current}
          />
          <div className={classes.panel}>{panel}</div>
        </>
      )}
    </div>
  );
}

function ChosenStep({ timeline, id }: { timeline: Timeline; id: string }) {
  const { tree, run, isComplete, focusStep, openStep, closeStep } = timeline;
  const listed = tree.steps[tree.positionOf.get(id) ?? NONE];
  const alone = useLoneStep(run.id, id, listed === undefined && !isComplete);
  const step = listed ?? alone.data;
  if (step) {
    const select = (stepId: string) => {
      focusStep(stepId);
      openStep(stepId);
    };
    return <StepPanel run={run} step={step} onSelect={select} onClose={closeStep} />;
  }
  if (!isComplete && !alone.error) return <Skeleton height={220} role="status" aria-label="Loading the step" />;
  return (
    <EmptyState title="This run has no such step">
      <button type="button" className={classes.link} onClick={closeStep}>
        Show the run without it
      </button>
    </EmptyState>
  );
}
