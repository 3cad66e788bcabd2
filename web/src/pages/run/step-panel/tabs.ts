/** What there is to see of a step, in the order in which one wants to see it. */
import type { WholeStep } from "@/api/shapes";
import { type Conversation, conversationOf, exchangeOf } from "@/components/payload/conversation";
import { systemOf } from "@/components/payload/conversation-shapes";
import type { StepTab } from "../search";

export interface TabLook {
  key: StepTab;
  label: string;
  /** How much is in it, where that is worth knowing before. */
  count?: number;
}

type Payloads = Pick<WholeStep, "kind" | "input" | "output" | "error" | "attributes" | "artifacts">;

export function tabsOf(step: Payloads, hasConversation: boolean): TabLook[] {
  const attributes = step.attributes === null ? 0 : Object.keys(step.attributes).length;
  const tabs: (TabLook | false)[] = [
    isThere(step.error) && { key: "error", label: "Error" },
    hasConversation && { key: "conversation", label: "Conversation" },
    { key: "io", label: "Input & output" },
    step.artifacts.length > 0 && { key: "artifacts", label: "Artifacts", count: step.artifacts.length },
    attributes > 0 && { key: "attributes", label: "Attributes", count: attributes },
    { key: "raw", label: "Raw JSON" },
  ];
  return tabs.filter((tab) => tab !== false);
}

/** The tab that was asked for if the step has it, else its first. */
export function chosenTab(tabs: readonly TabLook[], asked: StepTab | undefined): StepTab {
  return tabs.find((tab) => tab.key === asked)?.key ?? tabs[0]?.key ?? "io";
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** What was said in a model call, from the first message to the answer; undefined where no conversation is to be found. */
export function conversationOfStep(step: Payloads): Conversation | undefined {
  if (step.kind !== null && step.kind !== "LLM" && step.kind !== "AGENT") return undefined;
  // OpenInference repeats the messages in the attributes, in a shape that is always the same.
  const found = exchangeOf(step.input, step.output) ?? conversationOf(flatMessages(step.attributes));
  const system = systemOf(step.attributes?.["gen_ai.system_instructions"]);
  if (found === undefined || system === undefined || found.messages[0]?.role === "system") return found;
  return { ...found, messages: [system, ...found.messages] };
}

function flatMessages(attributes: WholeStep["attributes"]): Record<string, unknown> | undefined {
  const flat = Object.entries(attributes ?? {}).filter(([key]) => /^llm\.(input|output)_messages\./.test(key));
  return flat.length > 0 ? Object.fromEntries(flat) : undefined;
}
