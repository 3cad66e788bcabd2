import { describe, expect, it } from "vitest";
import { imageOf, safeImage, safeLink } from "./safe-urls";

describe("safeImage", () => {
  it("takes pictures that cannot hold a script", () => {
    expect(safeImage("data:image/png;base64,AAAA")).toBe("data:image/png;base64,AAAA");
    expect(safeImage("data:image/webp;base64,AAAA")).toBeDefined();
  });

  it.each([
    "data:image/svg+xml;base64,AAAA",
    "data:text/html;base64,AAAA",
    "data:image/png,<svg>",
    "https://example.com/x.png",
    "javascript:alert(1)",
    42,
  ])("takes no %s", (url) => {
    expect(safeImage(url)).toBeUndefined();
  });
});

it("makes a picture of base64 with a type that is one", () => {
  expect(imageOf("image/jpeg", "/9j/4AAQ")).toBe("data:image/jpeg;base64,/9j/4AAQ");
  expect(imageOf("image/svg+xml", "AAAA")).toBeUndefined();
  expect(imageOf("image/png", '"><script>')).toBeUndefined();
});

describe("safeLink", () => {
  it("takes http and https, and says the host", () => {
    expect(safeLink("https://files.example.com/a b")).toEqual({
      href: "https://files.example.com/a%20b",
      host: "files.example.com",
    });
    expect(safeLink("http://paypal.com@evil.example/")?.host).toBe("evil.example");
  });

  it.each([
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "/runs",
    "https://",
    null,
  ])("takes no %s", (url) => {
    expect(safeLink(url)).toBeUndefined();
  });
});
