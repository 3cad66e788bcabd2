import { expect, test } from "vitest";
import type { Project } from "@/api/shapes";
import { changesOf, draftOf } from "./project-draft";

const project: Project = {
  id: 1,
  slug: "default",
  name: "Default",
  retentionDays: null,
  staleAfterSeconds: 0,
  eventsPerSecond: 500,
  bytesPerSecond: null,
  redaction: { keys: ["iban"], patterns: { email: true } },
  createdAt: "2026-01-01T00:00:00Z",
};

test("what is not touched is not sent", () => {
  expect(changesOf(project, draftOf(project))).toEqual({});
});

test("an empty field says that the server's settings count, and 0 is a value", () => {
  const draft = { ...draftOf(project), eventsPerSecond: "", retentionDays: 0, name: " Shop " };
  expect(changesOf(project, draft)).toEqual({ eventsPerSecond: null, retentionDays: 0, name: "Shop" });
});

test("of redaction only what differs from the defaults is said", () => {
  const draft = draftOf(project);
  expect(draft.patterns).toContain("email");
  const changed = { ...draft, patterns: draft.patterns.filter((one) => one !== "email" && one !== "card") };
  expect(changesOf(project, changed)).toEqual({ redaction: { keys: ["iban"], patterns: { card: false } } });
  expect(changesOf(project, { ...draft, redact: false, keys: [] })).toEqual({
    redaction: { enabled: false, patterns: { email: true } },
  });
});
