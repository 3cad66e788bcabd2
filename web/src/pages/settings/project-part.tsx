import { Button, Group, MultiSelect, NumberInput, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import type { Project } from "@/api/shapes";
import { useSession } from "@/app/session";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { changesOf, draftOf, PATTERNS, type ProjectDraft } from "./project-draft";
import { useChange } from "./use-change";

export const PROJECTS = ["projects"] as const;

export function useProjects() {
  return useQuery({
    queryKey: PROJECTS,
    queryFn: ({ signal }) => answer(api.GET("/v1/projects", { signal })),
    select: (page) => page.items,
  });
}

/** How long runs are kept, when silent ones are closed, what is redacted. */
export function ProjectPart() {
  const session = useSession();
  const projects = useProjects();
  return (
    <Loaded query={projects} height={400}>
      {(all) => {
        const project = all.find((one) => one.slug === session.project.slug);
        return project && <ProjectForm key={JSON.stringify(project)} project={project} />;
      }}
    </Loaded>
  );
}

function ProjectForm({ project }: { project: Project }) {
  const { isOperator } = useSession();
  const [draft, setDraft] = useState(() => draftOf(project));
  const change = (part: Partial<ProjectDraft>) => setDraft((old) => ({ ...old, ...part }));
  const changes = changesOf(project, draft);
  const save = useChange({
    change: () => answer(api.PATCH("/v1/projects/{slug}", { params: { path: { slug: project.slug } }, body: changes })),
    done: "Saved. It is in force within five seconds.",
    shown: PROJECTS,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(undefined);
  };
  const number = { size: "xs", min: 0, allowDecimal: false, thousandSeparator: ",", w: 300 } as const;
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" maw={760}>
        <Panel title="Name">
          <TextInput
            w={300}
            label="Name"
            description={`Its address is “${project.slug}”.`}
            maxLength={256}
            required
            value={draft.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
        </Panel>
        <Panel title="Retention">
          <Stack gap="sm">
            <NumberInput
              {...number}
              label="Days that runs are kept"
              description="Then they go, with all they hold. 0: for ever. Empty: as the server is set."
              max={36_600}
              value={draft.retentionDays}
              onChange={(retentionDays) => change({ retentionDays })}
            />
            <NumberInput
              {...number}
              label="Seconds of silence that close a run"
              description="A run that says nothing for so long is closed as failed and marked stale. 0: never."
              max={31_622_400}
              value={draft.staleAfterSeconds}
              onChange={(staleAfterSeconds) => change({ staleAfterSeconds })}
            />
          </Stack>
        </Panel>
        <Panel title="Redaction" hint="Secrets are taken out before anything is stored, and cannot be brought back.">
          <Stack gap="sm">
            <Switch
              label="Redact what looks like a secret"
              checked={draft.redact}
              onChange={(event) => change({ redact: event.currentTarget.checked })}
            />
            <TagsInput
              size="xs"
              label="More keys whose values are secrets"
              description="“iban” also finds “old_IBAN”."
              maxTags={100}
              disabled={!draft.redact}
              value={draft.keys}
              onChange={(keys) => change({ keys })}
            />
            <TagsInput
              size="xs"
              label="Keys whose values are none"
              maxTags={100}
              disabled={!draft.redact}
              value={draft.allow}
              onChange={(allow) => change({ allow })}
            />
            <MultiSelect
              size="xs"
              label="Patterns that are looked for"
              data={[...PATTERNS]}
              disabled={!draft.redact}
              value={draft.patterns}
              onChange={(patterns) => change({ patterns })}
            />
          </Stack>
        </Panel>
        {isOperator && (
          <Panel title="Limits" hint="Of all that is sent to this project. Only operators change them.">
            <Group align="flex-start">
              <NumberInput
                {...number}
                label="Events a second"
                description="0: no limit. Empty: as the server is set."
                value={draft.eventsPerSecond}
                onChange={(eventsPerSecond) => change({ eventsPerSecond })}
              />
              <NumberInput
                {...number}
                label="Bytes a second"
                description="0: no limit. Empty: as the server is set."
                value={draft.bytesPerSecond}
                onChange={(bytesPerSecond) => change({ bytesPerSecond })}
              />
            </Group>
          </Panel>
        )}
        <Group>
          <Button type="submit" size="sm" disabled={Object.keys(changes).length === 0} loading={save.isPending}>
            Save
          </Button>
          {Object.keys(changes).length === 0 && (
            <Text size="xs" c="dimmed">
              Nothing is changed yet.
            </Text>
          )}
        </Group>
      </Stack>
    </form>
  );
}
