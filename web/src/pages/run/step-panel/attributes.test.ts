import { expect, it } from "vitest";
import { attributeRows } from "./attributes";

const attributes = { b: { city: "Oslo" }, a: "x", "gen_ai.system": 1 };

it("sorts by name and filters by name or value", () => {
  expect(attributeRows(attributes, "").map(([name]) => name)).toEqual(["a", "b", "gen_ai.system"]);
  expect(attributeRows(attributes, " OSLO ").map(([name]) => name)).toEqual(["b"]);
  expect(attributeRows(attributes, "GEN_AI").map(([name]) => name)).toEqual(["gen_ai.system"]);
  expect(attributeRows(attributes, "nowhere")).toEqual([]);
});
