import { expect, test } from "vitest";
import { signInSearchOf } from "./search";

test("one goes on to a path of ours", () => {
  expect(signInSearchOf({ next: "/runs?status=FAILED" })).toEqual({ next: "/runs?status=FAILED" });
});

test.each([
  "//evil.example",
  "/\\evil.example",
  "https://evil.example",
  "javascript:alert(1)",
  "runs",
  ["//a", "/b"],
  7,
])("%s is nowhere to go", (next) => {
  expect(signInSearchOf({ next })).toEqual({});
});

test("a browser reads a tab or a line break within slashes as nothing", () => {
  expect(signInSearchOf({ next: "/\t/evil.example" })).toEqual({});
  expect(signInSearchOf({ next: "/\n\\evil.example" })).toEqual({});
});
