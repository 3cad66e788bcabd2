import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconDownload, IconTerminal2, IconX } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";
import { hrefOf } from "@/api/client";
import type { Run, Step } from "@/api/shapes";
import { useSession } from "@/app/session";
import { CopyButton } from "@/components/copy-button";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatDuration, shortId } from "@/lib/format";
import { KindIcon, kindLabel } from "../kind-icon";
import { epochMs, type StepRow, stepLabel } from "../steps";
import { curlOf } from "./curl";
import classes from "./step-panel.module.css";

const route = getRouteApi("/signed-in/runs/$runId");

type Shown = Pick<Step, keyof StepRow & keyof Step>;

interface StepHeaderProps {
  titleId: string;
  run: Run;
  step: Shown;
  onSelect: (stepId: string) => void;
  onClose: () => void;
}

/** Which step it is, and its figures. */
export function StepHeader({ titleId, run, step, onSelect, onClose }: StepHeaderProps) {
  const label = stepLabel(step);
  return (
    <header className={classes.header}>
      <div className={classes.titleRow}>
        <KindIcon kind={step.kind} />
        <h2 id={titleId} className={classes.title} title={label}>
          {label}
        </h2>
        <StatusBadge status={step.status} />
        <div className={classes.tools}>
          <CopyButton text={step.id} label="Copy the step's id" />
          <CopyCurl runId={run.id} stepId={step.id} />
          <Tooltip label="Download as JSON">
            <ActionIcon
              component="a"
              size="sm"
              href={hrefOf(`/v1/runs/${run.id}/steps/${step.id}`)}
              download={`step-${step.id}.json`}
              aria-label="Download as JSON"
            >
              <IconDownload size={15} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Close (Esc)">
            <ActionIcon size="sm" aria-label="Close the step" onClick={onClose}>
              <IconX size={15} />
            </ActionIcon>
          </Tooltip>
        </div>
      </div>
      <Facts run={run} step={step} onSelect={onSelect} />
    </header>
  );
}

function Facts({ run, step, onSelect }: Pick<StepHeaderProps, "run" | "step" | "onSelect">) {
  const offset = offsetOf(run, step);
  const isNamedOtherwise = step.toolName !== null && step.toolName !== stepLabel(step);
  return (
    <dl className={classes.facts}>
      <Fact name="Kind">{kindLabel(step.kind)}</Fact>
      {isNamedOtherwise && <Fact name="Tool">{step.toolName}</Fact>}
      {step.model !== null && <Fact name="Model">{step.model}</Fact>}
      <Fact name="Started">
        <Time value={step.startedAt} />
        {offset !== undefined && (
          <span className={classes.dimmed} title="after the run started">
            {" "}
            {offset}
          </span>
        )}
      </Fact>
      <Fact name="Duration">{step.durationMs === null ? "–" : formatDuration(step.durationMs)}</Fact>
      {(step.inputTokens !== null || step.outputTokens !== null) && (
        <Fact name="Tokens">
          {formatCount(step.inputTokens)} in, {formatCount(step.outputTokens)} out
        </Fact>
      )}
      {step.costUsd !== null && <Fact name="Cost">{formatCost(step.costUsd)}</Fact>}
      <Fact name="Index">{formatCount(step.index)}</Fact>
      <Fact name="Id">
        <code className={classes.id}>{step.id}</code>
      </Fact>
      {step.parentId !== null && (
        <Fact name="Parent">
          <ParentLink stepId={step.parentId} onSelect={onSelect} />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How long after its run a step began. */
function offsetOf(run: Run, step: Shown): string | undefined {
  const [runStart, start] = [run.startedAt, step.startedAt].map((text) => (text ? epochMs(text) : null));
  if (typeof runStart !== "number" || typeof start !== "number") return undefined;
  return `${start < runStart ? "" : "+"}${formatDuration(start - runStart)}`;
}

/** A real link, so that it opens in a tab of its own; a plain click stays on the page. */
function ParentLink({ stepId, onSelect }: { stepId: string; onSelect: (stepId: string) => void }) {
  const { runId } = route.useParams();
  const choose = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    onSelect(stepId);
  };
  return (
    <Link
      from="/runs/$runId"
      to="/runs/$runId"
      params={{ runId }}
      search={(old) => ({ ...old, step: stepId })}
      onClick={choose}
    >
      <code className={classes.id}>{shortId(stepId)}</code>
    </Link>
  );
}

function CopyCurl({ runId, stepId }: { runId: string; stepId: string }) {
  const clipboard = useClipboard({ timeout: 1500 });
  const { authRequired, project, projects } = useSession();
  const isOther = projects.length > 1 && project.slug !== "default";
  const text = curlOf({
    origin: window.location.origin,
    runId,
    stepId,
    project: isOther ? project.slug : undefined,
    isKeyNeeded: authRequired,
  });
  const label = clipboard.error ? "The browser does not let us copy" : clipboard.copied ? "Copied" : "Copy as curl";
  return (
    <Tooltip label={label}>
      <ActionIcon size="sm" aria-label={label} onClick={() => clipboard.copy(text)}>
        {clipboard.copied ? <IconCheck size={15} /> : <IconTerminal2 size={15} />}
      </ActionIcon>
    </Tooltip>
  );
}
