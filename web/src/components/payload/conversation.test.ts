import { describe, expect, it } from "vitest";
import { conversationOf, exchangeOf } from "./conversation";

const PNG = "data:image/png;base64,iVBORw0KGgo=";

describe("OpenAI", () => {
  it("matches calls and results by id, and reads pictures and arguments", () => {
    const found = conversationOf({
      model: "m",
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "See" },
            { type: "image_url", image_url: { url: PNG } },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c1", type: "function", function: { name: "sql", arguments: '{"q": 1}' } }],
        },
        { role: "tool", tool_call_id: "c1", content: '{"rows": []}' },
        { role: "tool", tool_call_id: "lost", content: "late" },
      ],
    });
    expect(found?.messages).toEqual([
      { role: "system", said: "developer", parts: [{ kind: "text", text: "Be brief." }] },
      {
        role: "user",
        said: "user",
        parts: [
          { kind: "text", text: "See" },
          { kind: "image", src: PNG },
        ],
      },
      {
        role: "assistant",
        said: "assistant",
        parts: [
          { kind: "call", id: "c1", name: "sql", input: { q: 1 }, result: { value: { rows: [] }, isError: false } },
        ],
      },
      {
        role: "tool",
        said: "tool",
        parts: [{ kind: "result", id: "lost", result: { value: "late", isError: false } }],
      },
    ]);
    expect(found?.rest).toEqual({ model: "m" });
  });

  it("reads the older function calls and an answer with choices", () => {
    const found = conversationOf({
      choices: [
        { index: 0, message: { role: "assistant", content: null, function_call: { name: "f", arguments: "{" } } },
      ],
      usage: { total_tokens: 3 },
    });
    expect(found?.messages[0]?.parts).toEqual([{ kind: "call", name: "f", input: "{" }]);
    expect(found?.rest).toEqual({ usage: { total_tokens: 3 } });
  });

  it("reads the items of responses", () => {
    const found = conversationOf({
      instructions: "Be brief.",
      input: [
        { role: "user", content: [{ type: "input_text", text: "hi" }] },
        { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
        { type: "function_call", call_id: "c1", id: "fc_1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c1", output: "42" },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "It is 42." }] },
      ],
    });
    expect(found?.messages.map((message) => message.role)).toEqual(["system", "user", "assistant", "assistant"]);
    expect(found?.messages[2]?.parts).toMatchObject([
      { kind: "thinking", text: "hm" },
      { kind: "call", name: "f", result: { value: "42" } },
    ]);
  });
});

it("reads Anthropic's blocks, with the system beside the messages", () => {
  const found = conversationOf({
    system: [{ type: "text", text: "Be brief." }],
    messages: [
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm" },
          { type: "tool_use", id: "t1", name: "f", input: { a: 1 } },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
        ],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", is_error: true, content: [{ type: "text", text: "no" }] }],
      },
    ],
  });
  expect(found?.messages.map((message) => message.parts)).toEqual([
    [{ kind: "text", text: "Be brief." }],
    [
      { kind: "thinking", text: "hm" },
      { kind: "call", id: "t1", name: "f", input: { a: 1 }, result: { value: "no", isError: true } },
      { kind: "image", src: PNG },
    ],
  ]);
});

it("reads OpenTelemetry's parts", () => {
  const found = conversationOf([
    { role: "user", parts: [{ type: "text", content: "Where is my order 881?" }] },
    { role: "assistant", parts: [{ type: "tool_call", id: "i", name: "lookup_order", arguments: { order_id: "a" } }] },
    { role: "user", parts: [{ type: "tool_call_response", id: "i", name: "lookup_order", result: "shipped" }] },
    { role: "assistant", parts: [{ type: "text", content: "It is under way." }], finish_reason: "stop" },
  ]);
  expect(found?.messages.map((message) => message.parts)).toEqual([
    [{ kind: "text", text: "Where is my order 881?" }],
    [
      {
        kind: "call",
        id: "i",
        name: "lookup_order",
        input: { order_id: "a" },
        result: { value: "shipped", isError: false },
      },
    ],
    [{ kind: "text", text: "It is under way." }],
  ]);
});

it("reads Google's contents, two calls of one name in their order", () => {
  const call = (q: number) => ({ functionCall: { name: "f", args: { q } } });
  const response = (a: number) => ({ functionResponse: { name: "f", response: { a } } });
  const found = conversationOf({
    systemInstruction: { parts: [{ text: "Be brief." }] },
    contents: [
      { role: "user", parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }] },
      { role: "model", parts: [call(1), call(2)] },
      { role: "user", parts: [response(10), response(20)] },
    ],
  });
  expect(found?.messages.map((message) => message.role)).toEqual(["system", "user", "assistant"]);
  expect(found?.messages[1]?.parts[1]).toEqual({ kind: "image", src: PNG });
  expect(found?.messages[2]?.parts).toMatchObject([
    { input: { q: 1 }, result: { value: { a: 10 } } },
    { input: { q: 2 }, result: { value: { a: 20 } } },
  ]);
  const answer = conversationOf({ candidates: [{ content: { role: "model", parts: [{ text: "yes" }] } }] });
  expect(answer?.messages[0]).toMatchObject({ role: "assistant", parts: [{ kind: "text", text: "yes" }] });
});

describe("OpenInference", () => {
  it("reads flat attributes, in the order of their numbers", () => {
    const attributes: Record<string, unknown> = { "llm.provider": "p" };
    for (let index = 11; index >= 0; index--) {
      attributes[`llm.input_messages.${index}.message.role`] = "user";
      attributes[`llm.input_messages.${index}.message.content`] = `m${index}`;
    }
    attributes["llm.output_messages.0.message.role"] = "assistant";
    attributes["llm.output_messages.0.message.tool_calls.0.tool_call.id"] = "c1";
    attributes["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] = "search";
    attributes["llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments"] = '{"q": "x"}';
    const found = conversationOf(attributes);
    expect(found?.messages).toHaveLength(13);
    expect(found?.messages[10]?.parts).toEqual([{ kind: "text", text: "m10" }]);
    expect(found?.messages[12]?.parts).toEqual([{ kind: "call", id: "c1", name: "search", input: { q: "x" } }]);
    expect(found?.rest).toEqual({ "llm.provider": "p" });
  });

  it("reads nested messages and their contents", () => {
    const found = conversationOf([
      {
        message: {
          role: "user",
          contents: [
            { message_content: { type: "text", text: "See" } },
            { message_content: { type: "image", image: { image: { url: PNG } } } },
          ],
        },
      },
    ]);
    expect(found?.messages[0]?.parts).toEqual([
      { kind: "text", text: "See" },
      { kind: "image", src: PNG },
    ]);
  });
});

describe("LangChain", () => {
  it("reads messages as it dumps them, and batches of one", () => {
    const human = { lc: 1, type: "constructor", id: ["HumanMessage"], kwargs: { content: "hi", type: "human" } };
    expect(conversationOf({ messages: [[human]] })?.messages[0]).toMatchObject({ role: "user" });
    const found = conversationOf({
      messages: [
        { type: "human", data: { content: "hi", type: "human", name: null } },
        { type: "ai", data: { content: "", tool_calls: [{ name: "search", args: { q: 1 }, id: "c1" }] } },
        { type: "tool", data: { content: "found", type: "tool", name: "search", tool_call_id: "c1", status: "error" } },
      ],
    });
    expect(found?.messages).toHaveLength(2);
    expect(found?.messages[1]?.parts).toEqual([
      { kind: "call", id: "c1", name: "search", input: { q: 1 }, result: { value: "found", isError: true } },
    ]);
  });

  it("reads what its models answer", () => {
    const message = { lc: 1, type: "constructor", kwargs: { content: "yes", type: "ai" } };
    const found = conversationOf({ generations: [[{ text: "", message }]], llm_output: null });
    expect(found?.messages[0]).toMatchObject({ role: "assistant", parts: [{ kind: "text", text: "yes" }] });
  });
});

describe("conversationOf", () => {
  it.each([
    [[]],
    [{}],
    ["text"],
    [{ messages: "none" }],
    [[{ role: "user", content: "hi" }, 42]],
    [[{ role: "owner", content: "a table of people" }]],
    [{ role: "admin", text: "no message" }],
    [[{ role: "user" }]],
    [{ __proto__: null, constructor: { role: "user" } }],
  ])("takes %j for none", (value) => {
    expect(conversationOf(value)).toBeUndefined();
  });

  it("keeps roles and parts that nobody knows, and pictures that are elsewhere as what they are", () => {
    const part = { type: "hologram", data: 1 };
    const found = conversationOf([
      { role: "<b>", content: "x" },
      { role: "user", content: [part, { type: "image_url", image_url: { url: "javascript:alert(1)" } }] },
    ]);
    expect(found?.messages[0]).toMatchObject({ role: "other", said: "<b>" });
    expect(found?.messages[1]?.parts).toEqual([
      { kind: "other", value: part },
      { kind: "image", from: "javascript:alert(1)" },
    ]);
  });

  it("is not led astray by the names of what all objects have", () => {
    expect(
      conversationOf([
        { role: "constructor", content: [{ type: "toString" }] },
        { role: "user", content: "x" },
      ]),
    ).toMatchObject({ messages: [{ role: "other", parts: [{ kind: "other" }] }, { role: "user" }] });
  });
});

describe("exchangeOf", () => {
  const asked = { messages: [{ role: "user", content: "hi" }] };

  it("joins what was asked and what was answered", () => {
    const found = exchangeOf(asked, { role: "assistant", content: "hello" });
    expect(found?.messages.map((message) => message.role)).toEqual(["user", "assistant"]);
    expect(exchangeOf(asked, "hello")?.messages[1]?.parts).toEqual([{ kind: "text", text: "hello" }]);
  });

  it("says nothing twice where the answer repeats the question", () => {
    const whole = { messages: [...asked.messages, { role: "assistant", content: "hello" }] };
    expect(exchangeOf(asked, whole)?.messages).toHaveLength(2);
  });

  it("needs both", () => {
    expect(exchangeOf(asked, { done: true })).toBeUndefined();
    expect(exchangeOf("hi", { role: "assistant", content: "hello" })).toBeUndefined();
  });
});
