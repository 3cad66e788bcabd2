import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import type { Run, RunSummary } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { formatDuration } from "@/lib/format";
import { runIdIn } from "./run-id";
import classes from "./run-picker.module.css";

interface RunPickerProps {
  name: "A" | "B";
  id: string | undefined;
  query: UseQueryResult<Run>;
  /** The run on the other side: those of its agent are offered. */
  other: Run | undefined;
  onChoose: (id: string | undefined) => void;
}

/** One of the two runs: the chosen one, or ways to choose it. */
export function RunPicker({ name, id, query, other, onChoose }: RunPickerProps) {
  return (
    <Panel
      title={`Run ${name}`}
      actions={
        id !== undefined && (
          <Button variant="default" size="compact-xs" onClick={() => onChoose(undefined)}>
            Choose another
          </Button>
        )
      }
    >
      {id === undefined ? (
        <Stack gap="sm">
          <IdForm name={name} onChoose={onChoose} />
          <RecentRuns name={name} other={other} />
        </Stack>
      ) : (
        <Loaded query={query} height={60}>
          {(run) => <ChosenRun run={run} />}
        </Loaded>
      )}
    </Panel>
  );
}

function ChosenRun({ run }: { run: Run }) {
  return (
    <Group gap="xs">
      <StatusBadge status={run.status} />
      <Link to="/runs/$runId" params={{ runId: run.id }}>
        {run.name || run.id}
      </Link>
      <Text size="sm" c="dimmed">
        {run.agent ? `${run.agent.name} ${run.agent.version} · ` : ""}
        <Time value={run.startedAt} />
      </Text>
    </Group>
  );
}

function IdForm({ name, onChoose }: Pick<RunPickerProps, "name" | "onChoose">) {
  const [text, setText] = useState("");
  const found = runIdIn(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (found) onChoose(found);
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <TextInput
          flex={1}
          label={`Id or address of run ${name}`}
          placeholder="00000000-0000-4000-8000-000000000000"
          value={text}
          error={text.trim() !== "" && !found ? "There is no run id in this" : undefined}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" disabled={!found}>
          Take it
        </Button>
      </Group>
    </form>
  );
}

const RECENT_RUNS = 20;

function RecentRuns({ name, other }: Pick<RunPickerProps, "name" | "other">) {
  const agentName = other?.agent?.name;
  const recent = useQuery({
    queryKey: ["runs", "to compare", agentName],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/runs", { params: { query: { limit: RECENT_RUNS, agentName } }, signal })),
    placeholderData: undefined,
  });
  const columns: Column<RunSummary>[] = [
    {
      key: "run",
      header: "Run",
      render: (run) => (
        <Group gap={6} wrap="nowrap">
          <StatusBadge status={run.status} compact />
          <Link
            from="/compare"
            to="/compare"
            search={(old) => ({ ...old, [name.toLowerCase()]: run.id })}
            title={run.id}
            className={classes.name}
          >
            {run.name || run.id}
          </Link>
        </Group>
      ),
    },
    ...(agentName
      ? []
      : [
          {
            key: "agent",
            header: "Agent",
            render: (run: RunSummary) => run.agentName ?? "–",
          } satisfies Column<RunSummary>,
        ]),
    { key: "version", header: "Version", render: (run) => run.agentVersion ?? "–" },
    { key: "duration", header: "Duration", align: "right", render: (run) => formatDuration(run.durationMs) },
    { key: "started", header: "Started", align: "right", render: (run) => <Time value={run.startedAt} /> },
  ];
  return (
    <Loaded query={recent} height={300}>
      {({ items }) => {
        const rows = items.filter((run) => run.id !== other?.id);
        if (rows.length === 0) {
          return (
            <EmptyState title={agentName ? `There is no other run of ${agentName}` : "There are no runs yet"}>
              {agentName ? "Paste the id of another run above." : <Link to="/start">Send a trace.</Link>}
            </EmptyState>
          );
        }
        return (
          <section aria-label={`Recent runs for ${name}`}>
            <Text size="xs" c="dimmed" mb={4}>
              {agentName ? `Or one of the latest runs of ${agentName}:` : "Or one of the latest runs:"}
            </Text>
            <DataTable
              label={`Latest runs for ${name}`}
              columns={columns}
              rows={rows}
              rowKey={(run) => run.id}
              maxHeight={420}
            />
          </section>
        );
      }}
    </Loaded>
  );
}
