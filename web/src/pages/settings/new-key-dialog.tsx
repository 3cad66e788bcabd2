import {
  Alert,
  Button,
  Checkbox,
  Code,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import { useSession } from "@/app/session";
import { CopyButton } from "@/components/copy-button";
import { KEYS } from "./keys-part";
import { useChange } from "./use-change";

type Scope = "ingest" | "read" | "admin" | "metrics";

const SCOPES: { value: Scope; label: string }[] = [
  { value: "ingest", label: "ingest: send runs, steps, events and traces" },
  { value: "read", label: "read: runs, figures, exports, live changes" },
  { value: "admin", label: "admin: everything in this project" },
  { value: "metrics", label: "metrics: the figures of the whole server" },
];
const LIVES = [
  { value: "", label: "Never ends" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
];

/** Where the form was that had the focus; not on a button, which the key that sent the form might press, too. */
function focus(element: HTMLElement | null): void {
  element?.focus();
}

/** Makes a key, and shows it once: nobody can see it again. */
export function NewKeyDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { isOperator } = useSession();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["ingest"]);
  const [days, setDays] = useState("");
  const [eventsPerSecond, setEventsPerSecond] = useState<number | string>("");
  const [made, setMade] = useState<string>();
  const create = useChange({
    change: () =>
      answer(
        api.POST("/v1/keys", {
          body: {
            name,
            scopes,
            expiresAt: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null,
            eventsPerSecond: typeof eventsPerSecond === "number" ? eventsPerSecond : null,
          },
        }),
      ),
    done: "The key is made.",
    shown: KEYS,
    onDone: (key) => setMade(key.key),
  });
  const close = () => {
    onClose();
    setMade(undefined);
    setName("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title="New API key"
      closeOnClickOutside={made === undefined}
      closeOnEscape={made === undefined}
    >
      {made !== undefined ? (
        <Stack>
          <Alert color="yellow" styles={{ message: { color: "var(--ag-text)" } }}>
            Copy it now. It is stored as a hash only, and nobody can show it again.
          </Alert>
          <Group wrap="nowrap" gap="xs">
            <Code block style={{ overflowX: "auto", flex: 1 }} data-testid="new-key" tabIndex={0} ref={focus}>
              {made}
            </Code>
            <CopyButton text={made} label="Copy the key" />
          </Group>
          <Button onClick={close}>Done</Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              label="Name"
              description="What uses it: it names the key in lists."
              required
              maxLength={256}
              data-autofocus
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Checkbox.Group
              label="It may"
              value={scopes}
              onChange={(values) => setScopes(values as Scope[] /* of SCOPES */)}
            >
              <Stack gap={8} mt={4}>
                {SCOPES.filter(({ value }) => isOperator || value !== "metrics").map((scope) => (
                  <Checkbox key={scope.value} size="xs" {...scope} />
                ))}
              </Stack>
            </Checkbox.Group>
            <Select
              label="Ends"
              data={LIVES}
              value={days}
              onChange={(value) => setDays(value ?? "")}
              allowDeselect={false}
            />
            <NumberInput
              size="xs"
              label="Events a second, at the most"
              description="Empty: as much as the project may."
              min={1}
              max={1_000_000_000}
              allowDecimal={false}
              thousandSeparator=","
              value={eventsPerSecond}
              onChange={setEventsPerSecond}
            />
            <Group justify="space-between">
              <Text size="xs" c="dimmed">
                It is shown once.
              </Text>
              <Button type="submit" loading={create.isPending} disabled={scopes.length === 0 || name.trim() === ""}>
                Make the key
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
