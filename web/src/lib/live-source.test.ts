import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type EventSourceLike, RunStream } from "./live-source";

class FakeSource implements EventSourceLike {
  static all: FakeSource[] = [];
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly href: string) {
    FakeSource.all.push(this);
  }

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.readyState = 2;
  }

  say(type: string, data: unknown, lastEventId = ""): void {
    this.listeners.get(type)?.(new MessageEvent(type, { data: JSON.stringify(data), lastEventId }));
  }

  breakOff({ isRefused }: { isRefused: boolean }): void {
    this.readyState = isRefused ? 2 : 0;
    this.onerror?.(new Event("error"));
  }
}

const RUN = { id: "1", status: "RUNNING", startedAt: "2026-01-01T00:00:00Z" };

function newStream() {
  const heard: unknown[] = [];
  const stream = new RunStream(
    (after) => `/v1/stream?after=${after ?? "now"}`,
    {
      onRun: (run) => heard.push(run.id),
      onMissed: (changes) => heard.push(["missed", changes]),
      onGap: (reason) => heard.push(["gap", reason]),
      onState: (state) => heard.push(state),
    },
    (href) => new FakeSource(href),
  );
  return { stream, heard };
}

function latest(): FakeSource {
  const source = FakeSource.all.at(-1);
  if (!source) throw new Error("nothing was opened");
  return source;
}

beforeEach(() => {
  FakeSource.all = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a stream that begins says that what was before is unknown; the browser's own return does not", () => {
  const { stream, heard } = newStream();
  stream.start();
  latest().onopen?.(new Event("open"));
  latest().breakOff({ isRefused: false });
  latest().onopen?.(new Event("open"));
  expect(FakeSource.all).toHaveLength(1);
  expect(heard).toEqual(["connecting", "live", ["gap", "start"], "waiting", "live"]);
});

test("runs are handed on together; what is no run is not", () => {
  const { stream, heard } = newStream();
  stream.start();
  latest().say("run", RUN);
  latest().say("run", "nonsense");
  latest().say("run", { ...RUN, id: "2" });
  expect(heard).toEqual(["connecting"]);
  vi.advanceTimersByTime(100);
  expect(heard).toEqual(["connecting", "1", "2"]);
});

test("missed changes and gaps are told", () => {
  const { stream, heard } = newStream();
  stream.start();
  latest().say("missed", { changes: 7 });
  latest().say("gap", {});
  expect(heard).toEqual(["connecting", ["missed", 7], ["gap", "lost"]]);
});

test("a stream that was stopped goes on after the last event, without a gap", () => {
  const { stream, heard } = newStream();
  stream.start();
  latest().say("run", RUN, "a.1");
  latest().say("run", RUN);
  stream.stop();
  expect(latest().readyState).toBe(2);
  expect(heard).toEqual(["connecting", "1", "1", "off"]);
  stream.start();
  expect(latest().href).toBe("/v1/stream?after=a.1");
  latest().onopen?.(new Event("open"));
  expect(heard.slice(4)).toEqual(["connecting", "live"]);
});

test("a refusal is tried again, later each time, and not after a stop", () => {
  const { stream } = newStream();
  stream.start();
  latest().breakOff({ isRefused: true });
  vi.advanceTimersByTime(1_999);
  expect(FakeSource.all).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(FakeSource.all).toHaveLength(2);
  latest().breakOff({ isRefused: true });
  vi.advanceTimersByTime(3_999);
  expect(FakeSource.all).toHaveLength(2);
  stream.stop();
  vi.advanceTimersByTime(60_000);
  expect(FakeSource.all).toHaveLength(2);
});

test("what was gathered when nobody listens any more is handed to nobody", () => {
  const { stream, heard } = newStream();
  stream.start();
  latest().onopen?.(new Event("open"));
  latest().say("run", RUN, "a");
  const before = heard.length;
  stream.end();
  vi.runAllTimers();
  expect(heard).toHaveLength(before);
  expect(latest().readyState).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});
