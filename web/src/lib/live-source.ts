/** The stream of runs that change: kept open while somebody looks, and gone on with where it broke. */
import type { RunSummary } from "@/api/shapes";

/** What a stream needs of the browser: an `EventSource`, or what a test has in its place. */
export interface EventSourceLike {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

/** `start`: what changed before the stream began is not told of. `lost`: the server no longer knows what is missing. */
export type GapReason = "start" | "lost";

/** `waiting`: it broke and is tried again. `off`: nobody wants it, or the tab is hidden. */
export type StreamState = "off" | "connecting" | "live" | "waiting";

export interface RunStreamHandlers {
  /** A run that changed and passes the filters, as the list has it. It may be told of twice. */
  onRun?: (run: RunSummary) => void;
  /** The same, of all that came together. */
  onRuns?: (runs: RunSummary[]) => void;
  /** So many changes were too fast for us; which, nobody knows. */
  onMissed?: (changes: number) => void;
  /** What is shown may be incomplete: ask for it again. */
  onGap?: (reason: GapReason) => void;
  onState?: (state: StreamState) => void;
}

const CLOSED = 2;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
/** Runs that come within this time are handed on together, so that a page is drawn once for all of them. */
const GATHER_MS = 100;

/**
 * A stream at an address.
 *
 * Browsers come back by themselves where a connection breaks, and never where the server refuses one (it is busy, or
 * somebody has to sign in again): then it is tried again here, more and more seldom.
 */
export class RunStream {
  private source: EventSourceLike | undefined;
  private lastEventId = "";
  private waitMs = FIRST_WAIT_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private flush: ReturnType<typeof setTimeout> | undefined;
  private runs: RunSummary[] = [];

  /** `hrefOf` makes the address, to go on after the event of that id, or from now. */
  constructor(
    private readonly hrefOf: (lastEventId: string | undefined) => string,
    private readonly handlers: RunStreamHandlers,
    private readonly open: (href: string) => EventSourceLike,
  ) {}

  start(): void {
    if (this.source || this.retry) return;
    this.connect();
  }

  /** Ends it; a later start goes on where it was. */
  stop(): void {
    this.close();
    this.handOver();
    this.handlers.onState?.("off");
  }

  /** Ends it for good, without another word: whoever listens may by now want to hear of other runs. */
  end(): void {
    this.close();
    clearTimeout(this.flush);
    this.flush = undefined;
    this.runs = [];
  }

  private close(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
    this.source?.close();
    this.source = undefined;
  }

  private connect(): void {
    this.handlers.onState?.("connecting");
    const isFresh = this.lastEventId === "";
    const source = this.open(this.hrefOf(this.lastEventId || undefined));
    this.source = source;
    let isFirst = true;
    source.onopen = () => {
      this.waitMs = FIRST_WAIT_MS;
      this.handlers.onState?.("live");
      if (isFirst && isFresh) this.handlers.onGap?.("start");
      isFirst = false;
    };
    source.onerror = () => {
      this.handlers.onState?.("waiting");
      if (source.readyState !== CLOSED) return;
      // It may have been the place to go on from that was refused.
      this.lastEventId = "";
      this.connectLater();
    };
    this.listen(source, "run", (data) => this.gather(data));
    this.listen(source, "missed", (data) => this.handlers.onMissed?.(changesOf(data)));
    this.listen(source, "gap", () => this.handlers.onGap?.("lost"));
  }

  private connectLater(): void {
    this.source?.close();
    this.source = undefined;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.connect();
    }, this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
  }

  private listen(source: EventSourceLike, type: string, heard: (data: unknown) => void): void {
    source.addEventListener(type, (event) => {
      if (event.lastEventId) this.lastEventId = event.lastEventId;
      heard(JSON.parse(event.data));
    });
  }

  private gather(data: unknown): void {
    if (!isRun(data)) return;
    this.runs.push(data);
    this.flush ??= setTimeout(() => this.handOver(), GATHER_MS);
  }

  private handOver(): void {
    clearTimeout(this.flush);
    this.flush = undefined;
    const runs = this.runs;
    this.runs = [];
    if (runs.length === 0) return;
    this.handlers.onRuns?.(runs);
    for (const run of runs) this.handlers.onRun?.(run);
  }
}

// Our own server's word, which its OpenAPI document describes; this only tells a run from nonsense.
function isRun(data: unknown): data is RunSummary {
  return typeof data === "object" && data !== null && "id" in data && "status" in data && "startedAt" in data;
}

function changesOf(data: unknown): number {
  const isTold = typeof data === "object" && data !== null && "changes" in data && typeof data.changes === "number";
  return isTold ? Number(data.changes) : 1;
}
