/** Tags as texts, whichever way they were sent: a list, or names with values. */
export function tagTexts(tags: readonly unknown[] | Record<string, unknown> | null): string[] {
  if (tags === null) return [];
  if (Array.isArray(tags)) return [...new Set(tags.map(textOf))];
  return Object.entries(tags).map(([name, value]) => `${name}: ${textOf(value)}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
