import { expect, it } from "vitest";
import { cutOf, piecesOf } from "./marks";

it("knows what the server cut", () => {
  expect(cutOf({ $truncated: true, bytes: 1440011, head: '{"text":"lorem' })).toEqual({
    bytes: 1440011,
    head: '{"text":"lorem',
  });
  expect(cutOf({ $truncated: true })).toBeUndefined();
  expect(cutOf({ $truncated: "true", bytes: 1, head: "" })).toBeUndefined();
  expect(cutOf([])).toBeUndefined();
});

it("finds the marks of secrets", () => {
  expect(piecesOf("key [redacted:openai-key], iban [redacted:account number]")).toEqual([
    { text: "key ", start: 0 },
    { text: "[redacted:openai-key]", secret: "openai-key", start: 4 },
    { text: ", iban ", start: 25 },
    { text: "[redacted:account number]", secret: "account number", start: 32 },
  ]);
  expect(piecesOf("[redacted:]")).toEqual([{ text: "[redacted:]", start: 0 }]);
});
