/** Loads a run's steps page by page, and tells of them now and then: the first page at once, then a few times a second. */
import { missingCursor, openCursors, putPage, type StepPage, stepsOf } from "./step-pages";
import type { StepRow } from "./steps";

export interface LoadedSteps {
  steps: readonly StepRow[];
  /** Whether all that there was when it was asked for is here. */
  isComplete: boolean;
  error: Error | null;
}

export type FetchPage = (cursor: string | undefined, signal: AbortSignal) => Promise<StepPage>;

const NOTHING_YET: LoadedSteps = { steps: [], isComplete: false, error: null };

export class StepLoader {
  readonly #fetchPage: FetchPage;
  readonly #publishEveryMs: number;
  readonly #listeners = new Set<() => void>();
  #pages: StepPage[] = [];
  #published: StepPage[] = this.#pages;
  #again: (string | undefined)[] = [];
  #loaded = NOTHING_YET;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | undefined;

  constructor(fetchPage: FetchPage, publishEveryMs = 400) {
    this.#fetchPage = fetchPage;
    this.#publishEveryMs = publishEveryMs;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly loaded = (): LoadedSteps => this.#loaded;

  /** Goes on where it was, or where it failed. Does nothing while it loads. */
  start(): void {
    if (this.#abort) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#load(abort.signal).then(
      () => this.#end(abort, null),
      (error: unknown) => this.#end(abort, error instanceof Error ? error : new Error(String(error))),
    );
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Asks again for the pages that can have changed, or for all. */
  refresh(everything = false): void {
    this.#again = everything ? this.#pages.map((page) => page.cursor) : openCursors(this.#pages);
    this.start();
  }

  async #load(signal: AbortSignal): Promise<void> {
    for (let wanted = this.#next(); wanted; wanted = this.#next()) {
      const page = await this.#fetchPage(wanted.cursor, signal);
      signal.throwIfAborted();
      const isFirst = this.#pages.length === 0;
      this.#again = this.#again.filter((cursor) => cursor !== page.cursor);
      this.#pages = putPage(this.#pages, page);
      if (isFirst) this.#publish(false, null);
      else this.#timer ??= setTimeout(() => this.#publish(false, null), this.#pause());
    }
  }

  /** The more there is to be laid out, the more seldom. */
  #pause(): number {
    return this.#publishEveryMs * (1 + this.#loaded.steps.length / 20_000);
  }

  #next(): { cursor: string | undefined } | undefined {
    if (this.#pages.length === 0) return { cursor: undefined };
    const missing = missingCursor(this.#pages);
    if (missing !== undefined) return { cursor: missing };
    const known = this.#pages.find((page) => this.#again.includes(page.cursor));
    return known && { cursor: known.cursor };
  }

  #end(abort: AbortController, error: Error | null): void {
    if (abort !== this.#abort) return; // stopped, and perhaps started anew
    this.#abort = undefined;
    this.#publish(error === null, error);
  }

  #publish(isComplete: boolean, error: Error | null): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const wasComplete = this.#loaded.isComplete; // what is only refreshed stays complete
    const isNew =
      this.#pages.some((page, at) => page !== this.#published[at]) || this.#pages.length !== this.#published.length;
    this.#published = this.#pages;
    const steps = isNew ? stepsOf(this.#pages) : this.#loaded.steps;
    const next = { steps, isComplete: isComplete || wasComplete, error };
    if (!isNew && next.isComplete === wasComplete && error === this.#loaded.error) return;
    this.#loaded = next;
    for (const listener of this.#listeners) listener();
  }
}
