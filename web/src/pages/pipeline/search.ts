import { textOf } from "@/lib/search-params";

export interface PipelineSearch {
  letter?: string;
}

export function pipelineSearchOf(raw: Record<string, unknown>): PipelineSearch {
  return { letter: textOf(raw.letter) };
}
