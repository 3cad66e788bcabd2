import { Select, Text } from "@mantine/core";
import { useSession } from "./session";

/** Another project is another place: the page is loaded anew, so that nothing of the last one stays. */
function goTo(slug: string): void {
  window.location.assign(`/?${new URLSearchParams({ project: slug })}`);
}

export function ProjectPicker() {
  const { project, projects } = useSession();
  if (projects.length < 2) {
    return (
      <Text size="sm" c="dimmed" visibleFrom="sm" title={`Project ${project.slug}`}>
        {project.name || project.slug}
      </Text>
    );
  }
  return (
    <Select
      aria-label="Project"
      w={170}
      data={projects.map((one) => ({ value: one.slug, label: one.name || one.slug }))}
      value={project.slug}
      onChange={(slug) => slug && slug !== project.slug && goTo(slug)}
      allowDeselect={false}
      searchable={projects.length > 8}
    />
  );
}
