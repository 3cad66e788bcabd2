import { flagOf, numberOf, oneOf, textOf } from "@/lib/search-params";

/** Which of the run's own payloads is open. A failed run shows its error unless `none` is said. */
export const PAYLOADS = ["input", "output", "error", "attributes", "none"] as const;
export type PayloadName = (typeof PAYLOADS)[number];

export const ONLY = ["errors", "matches"] as const;
export type Only = (typeof ONLY)[number];

/** What is shown of the chosen step; its first tab if left out. */
export const STEP_TABS = ["error", "conversation", "io", "artifacts", "attributes", "raw"] as const;
export type StepTab = (typeof STEP_TABS)[number];

export interface RunPageSearch {
  /** The step whose panel is open. */
  step?: string;
  tab?: StepTab;
  /** What is looked for among the steps. */
  q?: string;
  /** Only these steps, and those that they are in. */
  only?: Only;
  /** Steps are open down to this level; all of them if left out. */
  level?: number;
  /** Part of the time axis: `1200..5400`, milliseconds since the run started. */
  zoom?: string;
  /** Whether the critical path stands out. */
  path?: boolean;
  show?: PayloadName;
  /** Seconds to wait for a run that was only just sent. */
  wait?: number;
}

export function runSearchOf(raw: Record<string, unknown>): RunPageSearch {
  const [level, wait] = [numberOf(raw.level), numberOf(raw.wait)];
  return {
    step: textOf(raw.step),
    tab: oneOf(raw.tab, STEP_TABS),
    q: textOf(raw.q),
    only: oneOf(raw.only, ONLY),
    level: level !== undefined && Number.isInteger(level) && level >= 1 ? level : undefined,
    zoom: textOf(raw.zoom),
    path: flagOf(raw.path) || undefined,
    show: oneOf(raw.show, PAYLOADS),
    wait: wait !== undefined && wait > 0 ? Math.min(wait, MAX_WAIT_SECONDS) : undefined,
  };
}

const MAX_WAIT_SECONDS = 30;
