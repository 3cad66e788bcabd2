import { numberOf, textOf } from "@/lib/search-params";

export interface PipelineSearch {
  /** Dead letters of this code only. */
  code?: string;
  /** The dead letter that is shown. */
  letter?: number;
}

export function pipelineSearchOf(raw: Record<string, unknown>): PipelineSearch {
  return { code: textOf(raw.code), letter: numberOf(raw.letter) };
}
