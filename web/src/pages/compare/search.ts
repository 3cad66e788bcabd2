import { oneOf, textOf } from "@/lib/search-params";

export interface CompareSearch {
  a?: string;
  b?: string;
  /** Only rows that differ are shown. */
  only?: "differences";
  /** The chosen row, by its key. */
  row?: string;
}

export function compareSearchOf(raw: Record<string, unknown>): CompareSearch {
  return { a: textOf(raw.a), b: textOf(raw.b), only: oneOf(raw.only, ["differences"]), row: textOf(raw.row) };
}
