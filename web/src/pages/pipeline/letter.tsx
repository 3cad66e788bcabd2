import { Button, CloseButton, Code, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { WholeDeadLetter } from "@/api/shapes";
import { useSession } from "@/app/session";
import { ConfirmButton } from "@/components/confirm-button";
import { Loaded } from "@/components/notices";
import { PayloadView } from "@/components/payload/payload-view";
import { Time } from "@/components/time";
import { useDeadLetter, useDiscard, useReplay, useReplayStart } from "./use-dead-letters";

/** One dead letter with its event. */
export function Letter({ id }: { id: number }) {
  const letter = useDeadLetter(id);
  return (
    <Paper withBorder p="sm" bg="var(--ag-page)" component="section" aria-label={`Dead letter ${id}`}>
      <Loaded query={letter}>{(found) => <Found letter={found} />}</Loaded>
    </Paper>
  );
}

function Found({ letter }: { letter: WholeDeadLetter }) {
  const { canEdit } = useSession();
  const [isWatched, setWatched] = useState(false);
  const navigate = useNavigate({ from: "/pipeline" });
  const close = () => navigate({ search: (old) => ({ ...old, letter: undefined }), resetScroll: false });
  const replay = useReplayStart(() => setWatched(true));
  const discard = useDiscard(close);
  const outcome = useReplay(isWatched).data;
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={3}>
          Letter {letter.id}: {letter.code}
        </Title>
        <Group gap={4}>
          {canEdit && (
            <>
              <Button size="compact-xs" variant="default" onClick={() => replay.mutate({ id: letter.id })}>
                Replay
              </Button>
              <ConfirmButton
                label="Discard"
                question="Drop this event for good? This cannot be undone."
                onConfirm={() => discard.mutate({ id: letter.id })}
              />
            </>
          )}
          <CloseButton aria-label="Close the letter" onClick={close} />
        </Group>
      </Group>
      {outcome && outcome.status !== "RUNNING" && (
        <Text size="sm" role="status">
          {outcome.failed > 0 ? "It still cannot be stored; the reason is that of today." : "It is stored now."}
        </Text>
      )}
      <Text size="xs" c="dimmed">
        Buried <Time value={letter.createdAt} />, shard {letter.shard}, entry {letter.entryId}. A replayed event takes
        effect now, after everything that came since.
      </Text>
      <Code block>{letter.reason}</Code>
      <PayloadView label="Event" value={recordOf(letter.record)} />
    </Stack>
  );
}

/** The event; as text where it is none that can be read, which may be why it is here. */
function recordOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
