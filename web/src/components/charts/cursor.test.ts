import { expect, test } from "vitest";
import { movedTo } from "./cursor";

test("the cursor begins at the end, moves by one or a tenth, and stays within", () => {
  expect([movedTo("ArrowLeft", null, 10), movedTo("ArrowRight", null, 10)]).toEqual([9, 9]);
  expect([movedTo("ArrowLeft", 0, 10), movedTo("ArrowRight", 9, 10), movedTo("ArrowRight", 4, 10)]).toEqual([0, 9, 5]);
  expect([movedTo("PageDown", 50, 100), movedTo("PageUp", 98, 100)]).toEqual([40, 99]);
  expect([movedTo("Home", 5, 10), movedTo("End", 5, 10)]).toEqual([0, 9]);
  expect([movedTo("x", 5, 10), movedTo("Home", null, 0)]).toEqual([undefined, undefined]);
});
