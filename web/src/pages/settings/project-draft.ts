/** A project's settings while they are edited, and what of them was changed. */

import type { components } from "@/api/schema";
import type { Project } from "@/api/shapes";

export const PATTERNS = [
  "api_key",
  "jwt",
  "authorization",
  "private_key",
  "card",
  "url_password",
  "assignment",
  "email",
] as const;
type Pattern = (typeof PATTERNS)[number];

export interface ProjectDraft {
  name: string;
  /** Empty: as the server is set. */
  retentionDays: number | string;
  staleAfterSeconds: number | string;
  eventsPerSecond: number | string;
  bytesPerSecond: number | string;
  redact: boolean;
  keys: string[];
  allow: string[];
  /** Those that are looked for. */
  patterns: string[];
}

type Changes = Partial<Pick<Project, (typeof NUMBERS)[number] | "name" | "redaction">>;
const NUMBERS = ["retentionDays", "staleAfterSeconds", "eventsPerSecond", "bytesPerSecond"] as const;

export function draftOf(project: Project): ProjectDraft {
  const { redaction } = project;
  return {
    name: project.name,
    retentionDays: project.retentionDays ?? "",
    staleAfterSeconds: project.staleAfterSeconds ?? "",
    eventsPerSecond: project.eventsPerSecond ?? "",
    bytesPerSecond: project.bytesPerSecond ?? "",
    redact: redaction.enabled ?? true,
    keys: redaction.keys ?? [],
    allow: redaction.allow ?? [],
    patterns: PATTERNS.filter((pattern) => isOn(redaction, pattern)),
  };
}

/** All but `email` are on unless they were switched off. */
function isOn(redaction: components["schemas"]["Redaction"], pattern: Pattern): boolean {
  return redaction.patterns?.[pattern] ?? pattern !== "email";
}

/** What a PATCH has to say: nothing of what stayed as it was. */
export function changesOf(project: Project, draft: ProjectDraft): Changes {
  const before = draftOf(project);
  const changes: Changes = {};
  if (draft.name.trim() !== before.name) changes.name = draft.name.trim();
  for (const name of NUMBERS) {
    if (draft[name] !== before[name]) changes[name] = draft[name] === "" ? null : Number(draft[name]);
  }
  if (!isSameRedaction(before, draft)) changes.redaction = redactionOf(draft);
  return changes;
}

function isSameRedaction(a: ProjectDraft, b: ProjectDraft): boolean {
  const said = (draft: ProjectDraft) =>
    JSON.stringify([draft.redact, draft.keys, draft.allow, [...draft.patterns].sort()]);
  return said(a) === said(b);
}

/** Only what is not as by default, so that a new default comes through. */
function redactionOf(draft: ProjectDraft): Project["redaction"] {
  const switched = PATTERNS.filter((pattern) => draft.patterns.includes(pattern) !== (pattern !== "email"));
  return {
    ...(draft.redact ? {} : { enabled: false }),
    ...(draft.keys.length > 0 ? { keys: draft.keys } : {}),
    ...(draft.allow.length > 0 ? { allow: draft.allow } : {}),
    ...(switched.length > 0
      ? { patterns: Object.fromEntries(switched.map((pattern) => [pattern, draft.patterns.includes(pattern)])) }
      : {}),
  };
}
