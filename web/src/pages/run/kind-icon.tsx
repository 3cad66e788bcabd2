import {
  IconChecks,
  IconDatabaseSearch,
  IconFileText,
  IconLink,
  IconMessageChatbot,
  IconPoint,
  IconRobot,
  IconShield,
  IconSortDescending,
  IconTool,
  IconVector,
} from "@tabler/icons-react";
import type { StepKind } from "@/api/shapes";

const KINDS = {
  AGENT: { label: "Agent", Icon: IconRobot, fill: "var(--ag-fill-accent-5)" },
  CHAIN: { label: "Chain", Icon: IconLink, fill: "var(--ag-fill-accent-5)" },
  TOOL: { label: "Tool", Icon: IconTool, fill: "var(--ag-fill-accent-2)" },
  LLM: { label: "Model call", Icon: IconMessageChatbot, fill: "var(--ag-fill-accent)" },
  RETRIEVER: { label: "Retriever", Icon: IconDatabaseSearch, fill: "var(--ag-fill-accent-3)" },
  EMBEDDING: { label: "Embedding", Icon: IconVector, fill: "var(--ag-fill-accent-3)" },
  RERANKER: { label: "Reranker", Icon: IconSortDescending, fill: "var(--ag-fill-accent-3)" },
  GUARDRAIL: { label: "Guardrail", Icon: IconShield, fill: "var(--ag-fill-accent-4)" },
  EVALUATOR: { label: "Evaluator", Icon: IconChecks, fill: "var(--ag-fill-accent-4)" },
  PROMPT: { label: "Prompt", Icon: IconFileText, fill: "var(--ag-fill-accent-4)" },
} as const;
const UNKNOWN = { label: "Step", Icon: IconPoint, fill: "var(--ag-fill-pending)" } as const;

export function kindLabel(kind: StepKind | null): string {
  return (kind ? KINDS[kind] : UNKNOWN).label;
}

/** Of the icon and of the bar. */
export function kindFill(kind: StepKind | null): string {
  return (kind ? KINDS[kind] : UNKNOWN).fill;
}

export function KindIcon({ kind }: { kind: StepKind | null }) {
  const { label, Icon, fill } = kind ? KINDS[kind] : UNKNOWN;
  return <Icon size={14} color={fill} role="img" aria-label={label} style={{ flexShrink: 0 }} />;
}
