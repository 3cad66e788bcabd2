import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconMailOff } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { DeadLetter, DeadLetterCount, DeadLetterPage } from "@/api/shapes";
import { useSession } from "@/app/session";
import { ConfirmButton } from "@/components/confirm-button";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { formatBytes, formatCount, plural, shortId } from "@/lib/format";
import { Letter } from "./letter";
import { useDeadLetters, useDiscard, useReplay, useReplayDone, useReplayStart } from "./use-dead-letters";

const FROM = "/signed-in/pipeline";

/** Events of the project that the database refused: why, what they say, and the way back in. */
export function DeadLetters() {
  const { code, letter } = useSearch({ from: FROM });
  const letters = useDeadLetters(code);
  return (
    <Panel title="Dead letters" hint="Events of this project that could not be stored">
      <Loaded query={letters}>
        {(page) => (
          <Stack gap="sm">
            <Bounds page={page} />
            {page.counts.length > 0 && <Codes counts={page.counts} />}
            {page.items.length > 0 ? (
              <DataTable
                label="The latest dead letters"
                columns={COLUMNS}
                rows={page.items}
                rowKey={(one) => one.id}
                isSelected={(one) => one.id === letter}
                maxHeight={360}
              />
            ) : (
              <EmptyState
                title={code ? `No dead letters of code ${code}` : "No dead letters"}
                icon={<IconMailOff size={24} />}
              >
                {code ? (
                  <Link to="/pipeline">Show all codes.</Link>
                ) : (
                  "Every event that was accepted could be stored, or was seen to since."
                )}
              </EmptyState>
            )}
            {letter !== undefined && <Letter key={letter} id={letter} />}
          </Stack>
        )}
      </Loaded>
    </Panel>
  );
}

const COLUMNS: Column<DeadLetter>[] = [
  {
    key: "id",
    header: "Letter",
    render: (one) => (
      <Link from="/pipeline" to="/pipeline" search={(old) => ({ ...old, letter: one.id })} resetScroll={false}>
        {one.id}
      </Link>
    ),
  },
  { key: "code", header: "Code", render: (one) => <code>{one.code}</code> },
  { key: "reason", header: "Reason", render: (one) => <span title={one.reason}>{one.reason}</span> },
  {
    key: "run",
    header: "Run",
    render: (one) =>
      one.runId ? (
        <Link to="/runs/$runId" params={{ runId: one.runId }}>
          {shortId(one.runId)}
        </Link>
      ) : (
        "–"
      ),
  },
  { key: "size", header: "Size", align: "right", render: (one) => formatBytes(one.bytes) },
  { key: "at", header: "Buried", render: (one) => <Time value={one.createdAt} relative /> },
];

function Bounds({ page }: { page: DeadLetterPage }) {
  return (
    <>
      {page.rising && (
        <Alert color="red" role="alert" styles={{ message: { color: "var(--ag-danger)" } }}>
          Many more in the last hour than in a usual one.
        </Alert>
      )}
      {page.dropped > 0 && (
        <Alert color="red" role="alert" styles={{ message: { color: "var(--ag-danger)" } }}>
          {plural(page.dropped, "event")} over the bound of {formatCount(page.keptMax)} letters could not be kept.
          Replay or discard what is here, so that there is room.
        </Alert>
      )}
    </>
  );
}

function Codes({ counts }: { counts: readonly DeadLetterCount[] }) {
  const { canEdit } = useSession();
  const [isWatched, setWatched] = useState(false);
  const navigate = useNavigate({ from: "/pipeline" });
  const replay = useReplayStart(() => setWatched(true));
  const discard = useDiscard(() => navigate({ search: {}, replace: true }));
  const columns: Column<DeadLetterCount>[] = [
    {
      key: "code",
      header: "Code",
      render: (one) => (
        <Link from="/pipeline" to="/pipeline" search={{ code: one.code }} resetScroll={false}>
          {one.code}
        </Link>
      ),
    },
    { key: "kept", header: "Waiting", align: "right", render: (one) => formatCount(one.kept) },
    { key: "bytes", header: "Size", align: "right", render: (one) => formatBytes(one.bytes) },
    { key: "hour", header: "Last hour", align: "right", render: (one) => formatCount(one.lastHour) },
    { key: "buried", header: "Ever", align: "right", render: (one) => formatCount(one.buried) },
    { key: "dropped", header: "Not kept", align: "right", render: (one) => formatCount(one.dropped) },
    {
      key: "actions",
      header: "",
      align: "right",
      render: (one) =>
        canEdit &&
        one.kept > 0 && (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            <Button size="compact-xs" variant="default" onClick={() => replay.mutate({ code: one.code })}>
              Replay
            </Button>
            <ConfirmButton
              label="Discard"
              question={`Drop ${plural(one.kept, "event")} of ${one.code} for good? This cannot be undone.`}
              onConfirm={() => discard.mutate({ code: one.code })}
            />
          </Group>
        ),
    },
  ];
  return (
    <Stack gap="xs">
      <DataTable label="Dead letters by code" columns={columns} rows={counts} rowKey={(one) => one.code} />
      <ReplayProgress isWatched={isWatched} />
    </Stack>
  );
}

function ReplayProgress({ isWatched }: { isWatched: boolean }) {
  const replay = useReplay(isWatched).data;
  const showDone = useReplayDone();
  const status = replay?.status;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when it ends, however often this is drawn
  useEffect(() => {
    if (status === "DONE" || status === "FAILED") showDone();
  }, [status]);
  if (!isWatched || replay === undefined) return null;
  const done = replay.replayed + replay.failed;
  return (
    <div aria-live="polite">
      <Group gap="xs">
        <Progress
          value={replay.wanted > 0 ? (100 * done) / replay.wanted : 100}
          w={160}
          aria-label="Progress of the replay"
          color={replay.failed > 0 ? "red" : "iris"}
        />
        <Text size="xs">
          {plural(replay.replayed, "event")} of {formatCount(replay.wanted)} stored
          {replay.failed > 0 && `, ${formatCount(replay.failed)} still cannot be`}
          {replay.error && `: ${replay.error}`}
        </Text>
      </Group>
    </div>
  );
}
