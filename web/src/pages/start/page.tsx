import { Alert, Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "@/api/client";
import type { RunSummary } from "@/api/shapes";
import { useSession } from "@/app/session";
import { CopyButton } from "@/components/copy-button";
import { ErrorNotice } from "@/components/notices";
import { Page } from "@/components/page";
import { Panel } from "@/components/panel";
import { useRunStream } from "@/lib/live";
import classes from "./page.module.css";
import { KEY_TO_COME, type Snippet, snippetsOf } from "./snippets";

/** What to copy to send a first trace, and a light that goes green when it is here. */
export function StartPage() {
  const { authRequired, ingestUrl, project } = useSession();
  const [key, setKey] = useState<string>();
  const [chosen, setChosen] = useState<Snippet["name"]>("curl");
  const [arrived, setArrived] = useState<RunSummary>();
  const stream = useRunStream(
    {},
    { onRun: (run) => setArrived((first) => first ?? run), enabled: arrived === undefined },
  );
  const snippets = snippetsOf({
    origin: ingestUrl,
    ...(authRequired ? { key: key ?? KEY_TO_COME } : {}),
    // A key belongs to its project; without one the usual project is meant.
    ...(authRequired || project.slug === "default" ? {} : { project: project.slug }),
  });
  const snippet = snippets.find(({ name }) => name === chosen);
  return (
    <Page title="Send your first trace">
      <Stack gap="sm" maw={860}>
        {authRequired && <KeyPanel made={key} onMade={setKey} />}
        <Panel
          title={authRequired ? "2. Send something" : "1. Send something"}
          actions={
            <SegmentedControl
              size="xs"
              aria-label="How to send"
              data={snippets.map(({ name }) => name)}
              value={chosen}
              onChange={setChosen}
            />
          }
        >
          {snippet && (
            <>
              <Text size="sm" c="dimmed" mb="xs">
                {snippet.about}
              </Text>
              <div className={classes.snippet}>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard */}
                <pre tabIndex={0}>{snippet.text}</pre>
                <span className={classes.copy}>
                  <CopyButton text={snippet.text} label={`Copy for ${snippet.name}`} />
                </span>
              </div>
            </>
          )}
        </Panel>
        <Panel title={authRequired ? "3. See it arrive" : "2. See it arrive"}>
          <div aria-live="polite">
            {arrived ? (
              <Alert
                color="teal"
                icon={<IconCheck aria-hidden />}
                title="It is here"
                styles={{ title: { color: "var(--ag-success)" }, message: { color: "var(--ag-text)" } }}
              >
                <Group>
                  <Text size="sm">A run of {arrived.agentName ?? "an agent without a name"} has arrived.</Text>
                  <Button renderRoot={(props) => <Link to="/runs/$runId" params={{ runId: arrived.id }} {...props} />}>
                    Open the run
                  </Button>
                </Group>
              </Alert>
            ) : (
              <Group gap="xs">
                <span className={classes.waiting} aria-hidden />
                <Text size="sm">
                  {stream === "live" ? "Waiting for the first event…" : "Connecting to the server…"} This page notices
                  it by itself.
                </Text>
              </Group>
            )}
          </div>
        </Panel>
        <Text size="sm" c="dimmed">
          All that can be sent stands in the <a href="/docs">API reference</a>. No agent at hand?{" "}
          <code>agentguide simulate</code> sends made-up runs.
        </Text>
      </Stack>
    </Page>
  );
}

function KeyPanel({ made, onMade }: { made: string | undefined; onMade: (key: string) => void }) {
  const { isAdmin } = useSession();
  const make = useMutation({
    mutationFn: () => answer(api.POST("/v1/keys", { body: { name: "first trace", scopes: ["ingest"] } })),
    onSuccess: (key) => onMade(key.key),
  });
  return (
    <Panel title="1. A key to send with">
      <Stack gap="xs" align="flex-start">
        {made ? (
          <Group gap="xs">
            <code data-testid="new-key">{made}</code>
            <CopyButton text={made} label="Copy the key" />
            <Text size="sm" c="dimmed">
              It stands in the snippets below. Keep it now: it is not shown again.
            </Text>
          </Group>
        ) : isAdmin ? (
          <>
            <Text size="sm">Programs show a key. This one may only send, and may be revoked in the settings.</Text>
            <Button onClick={() => make.mutate()} loading={make.isPending}>
              Make a key
            </Button>
          </>
        ) : (
          <Text size="sm">
            Ask an admin of the project for a key with the scope “ingest”, and put it where {KEY_TO_COME} stands.
          </Text>
        )}
        {make.error && <ErrorNotice error={make.error} />}
      </Stack>
    </Panel>
  );
}
