import { writeJson } from "@/components/payload/json";

const SEARCHED_CHARS = 10_000;

/** Attributes in the order of their names; with a text only those that have it in their name or value. */
export function attributeRows(attributes: Record<string, unknown>, wanted: string): [string, unknown][] {
  const text = wanted.trim().toLowerCase();
  return Object.entries(attributes)
    .filter(([name, value]) => text === "" || name.toLowerCase().includes(text) || searched(value).includes(text))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

function searched(value: unknown): string {
  const text = typeof value === "string" ? value : writeJson(value);
  return text.slice(0, SEARCHED_CHARS).toLowerCase();
}
