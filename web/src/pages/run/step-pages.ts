/** The pages of a run's steps: which of them to ask for again, and how a newer one takes the place of an older. */
import { isSameStep, type StepRow } from "./steps";

export interface StepPage {
  /** What was asked with; undefined for the first. */
  cursor: string | undefined;
  /** Of the page after it; null at the end. */
  nextCursor: string | null;
  steps: StepRow[];
}

/**
 * The pages with a page put where it belongs.
 *
 * Steps that did not change stay the same objects. A page that now ends elsewhere pushes out those that it covers; what
 * follows stays to be seen until it is loaded anew.
 */
export function putPage(pages: readonly StepPage[], page: StepPage): StepPage[] {
  const known = pages.findIndex((one) => one.cursor === page.cursor);
  if (known === -1) {
    const before = pages.findIndex((one) => one.nextCursor === page.cursor);
    const at = before === -1 ? pages.length : before + 1;
    return [...pages.slice(0, at), page, ...followers(pages.slice(at), page)];
  }
  const old = pages[known];
  const put = old ? withKnownSteps(page, old) : page;
  return [...pages.slice(0, known), put, ...followers(pages.slice(known + 1), page)];
}

function followers(after: StepPage[], { nextCursor }: StepPage): StepPage[] {
  if (nextCursor === null) return [];
  const next = after.findIndex((one) => one.cursor === nextCursor);
  return next > 0 ? after.slice(next) : after;
}

function withKnownSteps(page: StepPage, old: StepPage): StepPage {
  const known = new Map(old.steps.map((step) => [step.id, step]));
  let isChanged = page.nextCursor !== old.nextCursor || page.steps.length !== old.steps.length;
  const steps = page.steps.map((step, index) => {
    const before = known.get(step.id);
    const one = before && isSameStep(before, step) ? before : step;
    if (one !== old.steps[index]) isChanged = true;
    return one;
  });
  return isChanged ? { ...page, steps } : old;
}

/** Cursors of the pages that can have changed: those with steps that have not ended, and the last. */
export function openCursors(pages: readonly StepPage[]): (string | undefined)[] {
  return pages
    .filter((page, at) => at === pages.length - 1 || page.steps.some((step) => step.status === "RUNNING"))
    .map((page) => page.cursor);
}

/** The cursor where something is missing: a page that nobody has, undefined if there is none. */
export function missingCursor(pages: readonly StepPage[]): string | undefined {
  const known = new Set(pages.map((page) => page.cursor));
  for (const { nextCursor } of pages) {
    if (nextCursor !== null && !known.has(nextCursor)) return nextCursor;
  }
  return undefined;
}

/** All steps, each once. Pages that follow each other have none in common; where newer ones mix with older, they may. */
export function stepsOf(pages: readonly StepPage[]): StepRow[] {
  const isChain = pages.every((page, at) => at === 0 || pages[at - 1]?.nextCursor === page.cursor);
  if (isChain) return pages.flatMap((page) => page.steps);
  const steps = new Map<string, StepRow>();
  for (const page of pages) {
    for (const step of page.steps) if (!steps.has(step.id)) steps.set(step.id, step);
  }
  return [...steps.values()];
}
