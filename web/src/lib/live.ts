/** Runs as they change, for as long as somebody looks at the page. */
import { useEffect, useEffectEvent, useState } from "react";
import { hrefOf } from "@/api/client";
import type { paths } from "@/api/schema";
import { RunStream, type RunStreamHandlers, type StreamState } from "./live-source";

type StreamQuery = NonNullable<paths["/v1/stream"]["get"]["parameters"]["query"]>;

/** Those of `GET /v1/runs`; `id` watches single runs. */
export type RunStreamFilters = Omit<StreamQuery, "lastEventId" | "project">;

interface RunStreamOptions extends Omit<RunStreamHandlers, "onState"> {
  enabled?: boolean;
}

/**
 * Watches the runs that pass the filters, and says how the stream is.
 *
 * `onGap("start")` comes whenever a stream begins that does not go on from another: what was asked for before may be old
 * by then. A hidden tab closes its stream, as a browser has only six connections to a server, and goes on from the same
 * place when it is seen again. Handlers may be new functions each time.
 */
export function useRunStream(filters: RunStreamFilters, options: RunStreamOptions): StreamState {
  const { enabled = true } = options;
  const [state, setState] = useState<StreamState>("off");
  const key = JSON.stringify(filters);
  const handlers: Required<RunStreamHandlers> = {
    onRun: useEffectEvent((run) => options.onRun?.(run)),
    onRuns: useEffectEvent((runs) => options.onRuns?.(runs)),
    onMissed: useEffectEvent((changes) => options.onMissed?.(changes)),
    onGap: useEffectEvent((reason) => options.onGap?.(reason)),
    onState: setState,
  };
  const openStream = useEffectEvent(
    () =>
      new RunStream(
        (lastEventId) => hrefOf("/v1/stream", { ...filters, lastEventId }),
        handlers,
        (href) => new EventSource(href),
      ),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the filters, which may be another object each time
  useEffect(() => {
    if (!enabled) return;
    const stream = openStream();
    const follow = () => (document.visibilityState === "hidden" ? stream.stop() : stream.start());
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      stream.end();
      setState("off");
    };
  }, [key, enabled]);
  return enabled ? state : "off";
}
