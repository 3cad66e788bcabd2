import { Button, Group, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import type { Project } from "@/api/shapes";
import { useSession } from "@/app/session";
import { type Column, DataTable } from "@/components/data-table";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { formatBytes, formatCount } from "@/lib/format";
import { PROJECTS, useProjects } from "./project-part";
import { useChange } from "./use-change";

const COLUMNS: Column<Project>[] = [
  // Another project is another place: the page is loaded anew.
  {
    key: "slug",
    header: "Project",
    render: (project) => <a href={`/?${new URLSearchParams({ project: project.slug })}`}>{project.slug}</a>,
  },
  { key: "name", header: "Name", render: (project) => project.name },
  { key: "retention", header: "Kept", align: "right", render: (project) => keptFor(project.retentionDays) },
  {
    key: "events",
    header: "Events/s",
    align: "right",
    render: (project) => limitOf(project.eventsPerSecond, formatCount),
  },
  {
    key: "bytes",
    header: "Bytes/s",
    align: "right",
    render: (project) => limitOf(project.bytesPerSecond, formatBytes),
  },
  { key: "created", header: "Made", render: (project) => <Time value={project.createdAt} /> },
];

/** All projects of this server. */
export function ProjectsPart() {
  const projects = useProjects();
  return (
    <Panel title="Projects" hint="Each is a wall: nobody sees past it." actions={<NewProject />}>
      <Loaded query={projects}>
        {(all) => <DataTable label="Projects" columns={COLUMNS} rows={all} rowKey={(project) => project.id} />}
      </Loaded>
    </Panel>
  );
}

function NewProject() {
  const { isOperator } = useSession();
  const [slug, setSlug] = useState("");
  const create = useChange({
    change: () => answer(api.POST("/v1/projects", { body: { slug } })),
    done: "The project is there.",
    shown: PROJECTS,
    onDone: () => setSlug(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  if (!isOperator) return null;
  return (
    <form onSubmit={submit}>
      <Group gap={4}>
        <TextInput
          aria-label="Address of a new project"
          placeholder="my-project"
          required
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value)}
        />
        <Button type="submit" loading={create.isPending}>
          Make a project
        </Button>
      </Group>
    </form>
  );
}

function keptFor(days: number | null): string {
  if (days === null) return "as the server is set";
  return days === 0 ? "for ever" : `${formatCount(days)} d`;
}

function limitOf(limit: number | null, format: (value: number) => string): string {
  if (limit === null) return "as the server is set";
  return limit === 0 ? "no limit" : format(limit);
}
