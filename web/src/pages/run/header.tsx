import { Badge, Button, Group } from "@mantine/core";
import { IconArrowsSplit2, IconClockPause, IconTerminal2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { answer, api } from "@/api/client";
import type { Run } from "@/api/shapes";
import { useSession } from "@/app/session";
import { CopyButton } from "@/components/copy-button";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatCost, formatCount, formatDuration } from "@/lib/format";
import { placeOfAgent, placeOfSession } from "@/lib/places";
import { useNow } from "@/lib/use-now";
import { DownloadButton } from "./download-button";
import classes from "./header.module.css";
import { isUnderWay } from "./layout";
import { tagTexts } from "./tags";

/** Beside the title: how it went. */
export function RunState({ run }: { run: Run }) {
  return (
    <Group gap={6} wrap="nowrap" aria-live="polite">
      <StatusBadge status={run.status} />
      {run.stale && (
        <Badge
          color="yellow"
          leftSection={<IconClockPause size={13} aria-hidden />}
          c="var(--ag-warning)"
          bg="var(--ag-warning-soft)"
          title="It is not said to have ended, and nothing has come of it for a long time."
        >
          Stale
        </Badge>
      )}
    </Group>
  );
}

export function RunActions({ run }: { run: Run }) {
  const { authRequired, project } = useSession();
  return (
    <>
      <CopyButton label="Copy the id" text={run.id} />
      <CopyButton
        label="Copy as curl"
        text={() => curlOf(run.id, authRequired, project.slug)}
        icon={<IconTerminal2 size={16} />}
      />
      <DownloadButton run={run} />
      <Button
        renderRoot={(props) => <Link {...props} to="/compare" search={{ a: run.id }} />}
        variant="default"
        leftSection={<IconArrowsSplit2 size={14} aria-hidden />}
      >
        Compare with…
      </Button>
    </>
  );
}

function curlOf(runId: string, needsKey: boolean, project: string): string {
  const key = needsKey ? ` -H "Authorization: Bearer $AGENTGUIDE_API_KEY"` : ` -H 'X-AgentGuide-Project: ${project}'`;
  return `curl -sS${key} '${window.location.origin}/v1/runs/${runId}'`;
}

/** The figures of a run, and what it belongs to. */
export function RunFacts({ run }: { run: Run }) {
  return (
    <dl className={classes.facts}>
      <Fact label="Agent">
        {run.agent ? (
          <>
            <Link to="/agents/$agentName" {...placeOfAgent(run.agent.name)} className={classes.long}>
              {run.agent.name}
            </Link>{" "}
            <span className={classes.dimmed}>{run.agent.version}</span>
          </>
        ) : (
          "–"
        )}
      </Fact>
      {run.userId !== null && (
        <Fact label="User">
          <UserLink userId={run.userId} />
        </Fact>
      )}
      {run.sessionId !== null && (
        <Fact label="Session">
          <Link to="/sessions/$sessionId" {...placeOfSession(run.sessionId)} className={classes.long}>
            {run.sessionId}
          </Link>
        </Fact>
      )}
      <Fact label="Started">
        <Time value={run.startedAt} />
      </Fact>
      <Fact label="Duration">
        <Elapsed run={run} />
      </Fact>
      <Fact label="Steps">{formatCount(run.stepCount)}</Fact>
      <Fact label="Errors" isBad={run.errorCount > 0}>
        {formatCount(run.errorCount)}
      </Fact>
      <Fact label="Tokens in / out">
        {formatCount(run.inputTokens)} / {formatCount(run.outputTokens)}
      </Fact>
      <Fact label="Cost">{formatCost(run.costUsd)}</Fact>
      {run.metrics.map((metric) => (
        <Fact key={metric.id} label={metric.name} hint={tagTexts(metric.tags).join(", ") || "A metric of this run"}>
          {String(Number(metric.value.toPrecision(6)))}
        </Fact>
      ))}
      <Tags tags={tagTexts(run.tags)} />
    </dl>
  );
}

function Tags({ tags }: { tags: string[] }) {
  if (tags.length === 0) return null;
  return (
    <div className={classes.tags}>
      <dt>Tags</dt>
      {tags.map((tag) => (
        <dd key={tag} title={tag}>
          {tag}
        </dd>
      ))}
    </div>
  );
}

interface FactProps {
  label: string;
  hint?: string;
  isBad?: boolean;
  children: ReactNode;
}

function Fact({ label, hint, isBad, children }: FactProps) {
  return (
    <div className={classes.fact} title={hint}>
      <dt>{label}</dt>
      <dd data-bad={isBad || undefined}>{children}</dd>
    </div>
  );
}

function Elapsed({ run }: { run: Run }) {
  const isMoving = isUnderWay(run) && !run.stale;
  const now = useNow(isMoving ? 1000 : 3_600_000);
  if (run.durationMs !== null || !isMoving) return formatDuration(run.durationMs);
  return <>{formatDuration(Math.max(0, Math.round((now - Date.parse(run.startedAt)) / 1000) * 1000))} so far</>;
}

function UserLink({ userId }: { userId: number }) {
  const { isAdmin } = useSession(); // names of users are for nobody else
  const users = useQuery({
    queryKey: ["users of the project"],
    queryFn: ({ signal }) => answer(api.GET("/v1/users", { signal })),
    enabled: isAdmin,
    staleTime: 60_000,
    retry: false,
  });
  return (
    <Link to="/users/$userId" params={{ userId: String(userId) }} className={classes.long}>
      {users.data?.items.find((user) => user.id === userId)?.name || `User ${userId}`}
    </Link>
  );
}
