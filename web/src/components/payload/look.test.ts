import { expect, it } from "vitest";
import { lookOf, describe as say } from "./look";

it("chooses how a value is shown", () => {
  expect(lookOf(null).kind).toBe("nothing");
  expect(lookOf(undefined).kind).toBe("nothing");
  expect(lookOf(false)).toEqual({ kind: "atom", value: false });
  expect(lookOf("plain").kind).toBe("text");
  expect(lookOf("**bold** words").kind).toBe("markdown");
  expect(lookOf({ a: 1 }).kind).toBe("tree");
  expect(lookOf({ $truncated: true, bytes: 9, head: "x" }).kind).toBe("cut");
  expect(lookOf([{ role: "user", content: "hi" }]).kind).toBe("conversation");
});

it("looks into JSON that is the text of a value", () => {
  expect(lookOf('{"a": 1}')).toEqual({ kind: "tree", value: { a: 1 }, isInText: true });
  expect(lookOf('[{"role": "user", "content": "hi"}]')).toMatchObject({ kind: "conversation", isInText: true });
});

it("says in two words what there is", () => {
  expect(say(lookOf([{ role: "user", content: "hi" }]))).toBe("1 message");
  expect(say(lookOf('{"a": 1, "b": 2}'))).toBe("2 keys, JSON in a text");
  expect(say(lookOf("x".repeat(1200)))).toBe("1,200 characters");
});
