import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import { SESSION_KEY } from "@/app/query-client";
import { useSession } from "@/app/session";
import { Panel } from "@/components/panel";
import { useChange } from "./use-change";

const CHARS_MIN = 8;

/** One's own password. */
export function AccountPart() {
  const { user } = useSession();
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const save = useChange({
    change: () => answer(api.PUT("/v1/session/password", { body: { current, new: wanted } })),
    done: "The password is changed. All other browsers are signed out.",
    // The session is a new one, with a token of its own.
    shown: SESSION_KEY,
    onDone: () => {
      setCurrent("");
      setWanted("");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(undefined);
  };
  return (
    <Panel title="Password" maw={420}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            You are signed in as {user?.email}.
          </Text>
          <input type="hidden" autoComplete="username" value={user?.email ?? ""} readOnly />
          <PasswordInput
            size="xs"
            label="Current password"
            autoComplete="current-password"
            required
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
          <PasswordInput
            size="xs"
            label="New password"
            description={`At least ${CHARS_MIN} characters.`}
            autoComplete="new-password"
            required
            minLength={CHARS_MIN}
            value={wanted}
            onChange={(event) => setWanted(event.currentTarget.value)}
          />
          <Button type="submit" loading={save.isPending} disabled={wanted.length < CHARS_MIN || current === ""}>
            Change the password
          </Button>
        </Stack>
      </form>
    </Panel>
  );
}
