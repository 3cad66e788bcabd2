/** What the page of a tool asks. */
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { Window } from "@/lib/time-range";
import { windowBefore } from "./figures";
import type { ToolSearch } from "./search";
import { windowQuery } from "./window-query";

const ERRORS_MAX = 100;
const RUNS = 10;

type Asked = Window & { agentId?: number[]; tool: string };

export function useTool(search: ToolSearch, toolName: string | null) {
  const { agentId } = search;
  const of = { agentId, tool: toolName ?? "" };
  const timeseries = useQuery(
    windowQuery(["tool", of], search, (window, signal) => askTimeseries({ ...window, ...of }, signal)),
  );
  const latency = useQuery(
    windowQuery(["tool-latency", of], search, (window, signal) => askLatency({ ...window, ...of }, signal)),
  );
  const before = useQuery(
    windowQuery(["tool-before", of], search, async (window, signal) => {
      const earlier = windowBefore(window);
      if (earlier === undefined) return null;
      const asked = { ...earlier, ...of };
      const [then, durations] = await Promise.all([askTimeseries(asked, signal), askLatency(asked, signal)]);
      return { buckets: then.buckets, durationMs: durations.durationMs };
    }),
  );
  const errors = useQuery(
    windowQuery(["tools-errors", { agentId }], search, (window, signal) =>
      answer(
        api.GET("/v1/metrics/tools", {
          params: { query: { ...window, agentId, limit: 1, top: 0, errors: ERRORS_MAX } },
          signal,
        }),
      ),
    ),
  );
  return { timeseries, latency, before, errors };
}

/** Runs that use it and have an error; no filter finds those of steps without a tool. */
export function useFailedRuns(search: ToolSearch, toolName: string | null) {
  const { agentId } = search;
  return useQuery({
    ...windowQuery(["tool-runs", { agentId, toolName }], search, (window, signal) =>
      answer(
        api.GET("/v1/runs", {
          params: { query: { ...window, agentId, tool: [toolName ?? ""], hasError: true, limit: RUNS } },
          signal,
        }),
      ),
    ),
    enabled: toolName !== null,
  });
}

function askTimeseries(query: Asked, signal: AbortSignal) {
  return answer(api.GET("/v1/metrics/tools/timeseries", { params: { query }, signal }));
}

function askLatency(query: Asked, signal: AbortSignal) {
  return answer(api.GET("/v1/metrics/latency", { params: { query: { ...query, subject: "step" } }, signal }));
}
