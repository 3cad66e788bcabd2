import { expect, test } from "vitest";
import { snippetsOf } from "./snippets";

const origin = "https://agents.example.com:8443";

test("every snippet goes to this server", () => {
  for (const { text } of snippetsOf({ origin })) {
    expect(text).toContain(origin);
    expect(text).not.toContain("Authorization");
  }
});

test("where a key is needed, every snippet shows it", () => {
  const texts = snippetsOf({ origin, key: "ag_abc" }).map(({ text }) => text);
  expect(texts.every((text) => text.includes("Bearer ag_abc"))).toBe(true);
  // in curl with each of its requests
  expect(texts[0]?.match(/Bearer ag_abc/g)).toHaveLength(3);
});

test("without a key, every snippet says which project it is for if that is another than the usual one", () => {
  const texts = snippetsOf({ origin, project: "shop" }).map(({ text }) => text);
  expect(texts[0]?.match(/-H "X-AgentGuide-Project: shop"/g)).toHaveLength(3);
  expect(texts[1]).toContain('"X-AgentGuide-Project": "shop"}');
  expect(texts[2]).toContain('_HEADERS="X-AgentGuide-Project=shop"');
});
