import { expect, it } from "vitest";
import { chunksOf } from "./text-chunks";

it("leaves short texts whole", () => {
  expect(chunksOf("a\nb")).toEqual([{ text: "a\nb", start: 0 }]);
  expect(chunksOf("")).toEqual([{ text: "", start: 0 }]);
});

it("parts long texts at line breaks, and loses nothing else", () => {
  const text = Array.from({ length: 9_000 }, (_, line) => `line ${line}`).join("\n");
  const chunks = chunksOf(text);
  expect(chunks.length).toBeGreaterThan(3);
  expect(chunks.map((chunk) => chunk.text).join("\n")).toBe(text);
});

it("parts texts without line breaks, but no character", () => {
  const text = "x".repeat(19_999) + "😀".repeat(20_000);
  const chunks = chunksOf(text);
  expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
  for (const { text: part } of chunks) expect(part).not.toMatch(/^[\udc00-\udfff]/);
});
