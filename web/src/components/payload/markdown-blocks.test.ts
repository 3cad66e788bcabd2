import { describe, expect, it } from "vitest";
import { blocksOf, spansOf } from "./markdown-blocks";

describe("blocksOf", () => {
  it("knows headings, lists, code, quotes, rules and tables", () => {
    const text = [
      "# Title",
      "words",
      "more words",
      "- one",
      "  - two",
      "3. three",
      "```py",
      "# no title",
      "```",
      "> said",
      "---",
      "| a | b |",
      "| - | :-: |",
      "| 1 | 2 |",
    ].join("\n");
    const blocks = blocksOf(text);
    expect(blocks.map((block) => block.kind)).toEqual([
      "heading",
      "paragraph",
      "list",
      "code",
      "quote",
      "rule",
      "table",
    ]);
    expect(blocks[1]).toMatchObject({ text: "words\nmore words" });
    expect(blocks[2]).toMatchObject({
      items: [
        { text: "one", depth: 0, bullet: "•" },
        { text: "two", depth: 1, bullet: "•" },
        { text: "three", depth: 0, bullet: "3." },
      ],
    });
    expect(blocks[3]).toMatchObject({ text: "# no title" });
    expect(blocks[6]).toMatchObject({ head: ["a", "b"], rows: [["1", "2"]] });
  });

  it("takes code whose fence never closes to the end", () => {
    expect(blocksOf("```\na\n\nb")).toEqual([{ kind: "code", text: "a\n\nb", line: 0 }]);
  });

  it("loses no line of what only looks like a table", () => {
    expect(blocksOf("| a | b |\nno rule")).toMatchObject([{ text: "| a | b |\nno rule" }]);
    expect(blocksOf("x\n| a |")).toMatchObject([{ text: "x" }, { text: "| a |" }]);
  });
});

describe("spansOf", () => {
  it("knows code, bold, italic and links", () => {
    expect(spansOf("a `b` **c** *d* [e](https://example.com/f)")).toMatchObject([
      { kind: "text", text: "a " },
      { kind: "code", text: "b" },
      { kind: "text", text: " " },
      { kind: "bold", text: "c" },
      { kind: "text", text: " " },
      { kind: "italic", text: "d" },
      { kind: "text", text: " " },
      { kind: "link", text: "e", href: "https://example.com/f" },
    ]);
  });

  it("makes no link of anything but http and https", () => {
    for (const url of ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "//evil.example"]) {
      expect(spansOf(`[click](${url})`)).toEqual([{ kind: "text", text: `[click](${url})`, start: 0 }]);
    }
  });

  it("leaves multiplications and globs alone", () => {
    expect(spansOf("2 * 3 * 4, a*b*c")).toHaveLength(1);
  });
});

it.each(["[", "*", "`", "**", "[](", "- ", "|-", "> ", "#", "\n| -"])("stays fast on many %j", (text) => {
  const started = performance.now();
  for (const block of blocksOf(text.repeat(60_000 / text.length))) {
    if ("text" in block) spansOf(block.text);
    if (block.kind === "list") for (const item of block.items) spansOf(item.text);
  }
  expect(performance.now() - started).toBeLessThan(1500);
});
