import { expect, test } from "vitest";
import { runSearchOf } from "./search";
import { tagTexts } from "./tags";

test("what the URL says is taken where it makes sense", () => {
  const given = {
    step: "0a",
    q: "chat",
    only: "errors",
    level: "2",
    zoom: "1..2",
    path: "true",
    show: "input",
    wait: "9",
  };
  expect(runSearchOf(given)).toMatchObject({ ...given, level: 2, path: true, wait: 9 });
});

test("and left out where it makes none", () => {
  const found = runSearchOf({ only: "x", level: "0.5", path: "false", show: "?", wait: "-1" });
  expect(Object.values(found).every((value) => value === undefined)).toBe(true);
  expect(runSearchOf({ wait: "9999" }).wait).toBe(30);
});

test("tags are texts, however they were sent", () => {
  expect(tagTexts(["a", "a", 3])).toEqual(["a", "3"]);
  expect(tagTexts({ team: "blue", n: { x: 1 } })).toEqual(["team: blue", 'n: {"x":1}']);
  expect(tagTexts(null)).toEqual([]);
});
