import { Group, SegmentedControl, Select } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { placeOfAgent } from "@/lib/places";
import type { AgentSearch } from "./search";
import type { Version, Versions } from "./versions";

const SEGMENTS_MAX = 5;
const LABEL_CHARS_MAX = 16;
const ALL = "all";

interface VersionPickerProps {
  agentName: string;
  search: AgentSearch;
  versions: Versions;
  chosen: Version | undefined;
}

/** Of which version the page is; of all of them at first. */
export function VersionPicker({ agentName, search, versions: { all }, chosen }: VersionPickerProps) {
  const navigate = useNavigate();
  const options = [
    { value: ALL, label: "All versions" },
    ...all.map(({ id, version }) => ({ value: String(id), label: version || "no version" })),
  ];
  const value = chosen ? String(chosen.id) : ALL;
  const choose = (id: string | null) =>
    navigate({
      to: "/agents/$agentName",
      ...placeOfAgent(agentName, { ...search, agentId: id === null || id === ALL ? undefined : [Number(id)] }),
      resetScroll: false,
    });
  const isShort = options.every(({ label }) => label.length <= LABEL_CHARS_MAX);
  return (
    <Group>
      {all.length <= SEGMENTS_MAX && isShort ? (
        <SegmentedControl size="xs" aria-label="Version" data={options} value={value} onChange={choose} />
      ) : (
        <Select
          aria-label="Version"
          w={260}
          data={options}
          value={value}
          onChange={choose}
          searchable
          allowDeselect={false}
        />
      )}
    </Group>
  );
}
