import { textOf } from "@/lib/search-params";

export interface CompareSearch {
  a?: string;
  b?: string;
}

export function compareSearchOf(raw: Record<string, unknown>): CompareSearch {
  return { a: textOf(raw.a), b: textOf(raw.b) };
}
