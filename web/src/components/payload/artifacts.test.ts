import { expect, it } from "vitest";
import { artifactLook, cellOf } from "./artifacts";

it("shows pictures, however they come", () => {
  expect(artifactLook("image/png", null, "data:image/png;base64,AAAA").kind).toBe("image");
  expect(artifactLook("image/png", null, "iVBORw0KGgo=")).toEqual({
    kind: "image",
    src: "data:image/png;base64,iVBORw0KGgo=",
  });
  expect(artifactLook("jpeg", null, "/9j/4AAQ").kind).toBe("image");
});

it("shows what could hold a script as its source", () => {
  expect(artifactLook("image/svg+xml", null, "<svg onload='alert(1)'/>").kind).toBe("source");
  expect(artifactLook("text/html", null, "<b>").kind).toBe("source");
  expect(artifactLook("image/svg+xml", null, "data:image/svg+xml;base64,AAAA").kind).toBe("source");
});

it("shows tables with rows as lists or as objects", () => {
  const rows = [["north", 1840]];
  expect(artifactLook("table", null, { columns: ["region", "net"], rows })).toEqual({
    kind: "table",
    table: { columns: ["region", "net"], rows },
  });
  expect(cellOf({ region: "north" }, 0, "region")).toBe("north");
  expect(cellOf(["north"], 0, "region")).toBe("north");
  expect(artifactLook("table", null, { columns: ["a"], rows: [1] }).kind).toBe("payload");
});

it("leads to addresses, and shows Markdown and all else", () => {
  expect(artifactLook("png", "https://example.com/x", null)).toEqual({ kind: "link", url: "https://example.com/x" });
  expect(artifactLook("text/markdown", null, "# x").kind).toBe("markdown");
  expect(artifactLook("json", null, { a: 1 }).kind).toBe("payload");
});
