/** What the page of an agent asks. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { FiguresBucket, FiguresSummary } from "@/api/shapes";
import { windowQuery } from "@/pages/tools/window-query";
import type { AgentSearch } from "./search";
import type { Version } from "./versions";

const ERRORS = 7;
const TOOLS = 7;
const FAILED_RUNS = 10;

/** Of whom figures are: all versions of a name, or one. */
export type Whose = { agentName: string } | { agentId: number[] };

export type Timeseries = { bucket: "minute" | "hour" | "day"; buckets: FiguresBucket[] };

export function summaryQuery(search: AgentSearch, whose: Whose) {
  return windowQuery(["summary", whose], search, (window, signal) =>
    answer(api.GET("/v1/metrics/summary", { params: { query: { ...window, ...whose } }, signal })),
  );
}

function timeseriesQuery(search: AgentSearch, whose: Whose) {
  return windowQuery(["timeseries", whose], search, (window, signal) =>
    answer(api.GET("/v1/metrics/timeseries", { params: { query: { ...window, ...whose } }, signal })),
  );
}

/** Of each version; those that are not there yet are missing. */
export function useVersionFigures(
  search: AgentSearch,
  versions: readonly Version[],
): ReadonlyMap<number, FiguresSummary> {
  const found = useQueries({ queries: versions.map(({ id }) => summaryQuery(search, { agentId: [id] })) });
  return new Map(
    versions.flatMap(({ id }, index): [number, FiguresSummary][] => {
      const data = found[index]?.data;
      return data ? [[id, data]] : [];
    }),
  );
}

export function useTimeseries(search: AgentSearch, whose: readonly Whose[]) {
  return useQueries({ queries: whose.map((one) => timeseriesQuery(search, one)) });
}

export function useLatency(search: AgentSearch, whose: Whose) {
  return useQuery(
    windowQuery(["latency", whose], search, (window, signal) =>
      answer(api.GET("/v1/metrics/latency", { params: { query: { ...window, ...whose } }, signal })),
    ),
  );
}

export function useTroubles(search: AgentSearch, whose: Whose) {
  const more = { sort: "failing", limit: 1, top: TOOLS, errors: ERRORS } as const;
  return useQuery(
    windowQuery(["tools", whose, more], search, (window, signal) =>
      answer(api.GET("/v1/metrics/tools", { params: { query: { ...window, ...whose, ...more } }, signal })),
    ),
  );
}

export function useFailedRuns(search: AgentSearch, whose: Whose) {
  return useQuery(
    windowQuery(["failed-runs", whose], search, (window, signal) =>
      answer(
        api.GET("/v1/runs", {
          params: { query: { ...window, ...whose, status: ["FAILED"], limit: FAILED_RUNS } },
          signal,
        }),
      ),
    ),
  );
}
