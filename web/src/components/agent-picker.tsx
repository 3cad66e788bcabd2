import { MultiSelect } from "@mantine/core";
import { useAgents } from "@/api/agents";

interface AgentPickerProps {
  /** Ids of agents; none is all of them. */
  value: readonly number[] | undefined;
  onChange: (ids: number[] | undefined) => void;
}

const AGENTS_MAX = 20;

/** Of which agents figures are shown. */
export function AgentPicker({ value, onChange }: AgentPickerProps) {
  const agents = useAgents();
  const options = (agents.data ?? []).map((agent) => ({
    value: String(agent.id),
    label: `${agent.name} ${agent.version}`,
  }));
  return (
    <MultiSelect
      size="xs"
      w={{ base: "100%", sm: 260 }}
      aria-label="Agents"
      placeholder={value?.length ? undefined : "All agents"}
      data={options}
      value={(value ?? []).map(String)}
      onChange={(ids) => onChange(ids.length > 0 ? ids.map(Number) : undefined)}
      maxValues={AGENTS_MAX}
      searchable
      styles={{ inputField: { minWidth: 32 } }}
      clearable
      nothingFoundMessage={agents.isPending ? "Loading agents…" : "No agent of this name"}
    />
  );
}
