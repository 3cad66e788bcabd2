import { textOf } from "@/lib/search-params";

export interface RunPageSearch {
  step?: string;
}

export function runSearchOf(raw: Record<string, unknown>): RunPageSearch {
  return { step: textOf(raw.step) };
}
