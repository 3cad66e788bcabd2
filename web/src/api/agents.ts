import { useQuery } from "@tanstack/react-query";
import { answer, api } from "./client";

/** All agents that the project knows: what pickers and filters offer. */
export function useAgents() {
  return useQuery({
    queryKey: ["agents"],
    queryFn: ({ signal }) => answer(api.GET("/v1/agents", { params: { query: { limit: 1000 } }, signal })),
    staleTime: 60_000,
    select: (page) => page.items,
  });
}
