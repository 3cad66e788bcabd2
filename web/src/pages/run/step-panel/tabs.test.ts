import { describe, expect, it } from "vitest";
import { chosenTab, conversationOfStep, tabsOf } from "./tabs";

const step = { kind: "LLM" as const, input: null, output: null, error: null, attributes: null, artifacts: [] };

describe("tabsOf", () => {
  it("has what the step has, and its error first", () => {
    expect(tabsOf(step, false).map((tab) => tab.key)).toEqual(["io", "raw"]);
    const artifact = { id: "1", type: "png", url: null, createdAt: "2026-01-01T00:00:00Z" };
    const full = { ...step, error: "no", attributes: { a: 1, b: 2 }, artifacts: [artifact] };
    const tabs = tabsOf(full, true);
    expect(tabs.map((tab) => tab.key)).toEqual(["error", "conversation", "io", "artifacts", "attributes", "raw"]);
    expect(tabs.map((tab) => tab.count)).toEqual([undefined, undefined, undefined, 1, 2, undefined]);
  });

  it("opens what was asked for, else the first", () => {
    const tabs = tabsOf(step, false);
    expect(chosenTab(tabs, "raw")).toBe("raw");
    expect(chosenTab(tabs, "error")).toBe("io");
    expect(chosenTab(tabs, undefined)).toBe("io");
  });
});

describe("conversationOfStep", () => {
  const call = { ...step, input: [{ role: "user", content: "hi" }], output: { role: "assistant", content: "yes" } };

  it("is of model calls only", () => {
    expect(conversationOfStep(call)?.messages).toHaveLength(2);
    expect(conversationOfStep({ ...call, kind: "TOOL" as const })).toBeUndefined();
  });

  it.each([
    [[{ type: "text", content: "You help customers." }]],
    ['[{"type":"text","content":"You help customers."}]'],
    ["You help customers."],
  ])("begins with the instructions that stand in the attributes: %j", (instructions) => {
    const instructed = { ...call, attributes: { "gen_ai.system_instructions": instructions } };
    expect(conversationOfStep(instructed)?.messages[0]).toMatchObject({
      role: "system",
      parts: [{ kind: "text", text: "You help customers." }],
    });
  });

  it("takes messages out of the attributes where the payloads have none", () => {
    const found = conversationOfStep({
      ...step,
      input: { prompts: ["hi"] },
      attributes: {
        "llm.provider": "p",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hi",
      },
    });
    expect(found?.messages).toMatchObject([{ role: "user" }]);
    expect(found?.rest).toBeUndefined();
  });
});
