import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { askedOf } from "./suggestions";

const PAUSE_MS = 120;

/** Values of the field that is being written which begin as it does. */
export function useValues(text: string): { found: readonly string[]; isAsking: boolean } {
  const asked = askedOf(text);
  const [field, prefix] = [asked?.field, asked?.prefix ?? ""];
  const [settled] = useDebouncedValue(prefix, PAUSE_MS);
  const query = useQuery({
    queryKey: ["runs", "values", field, settled],
    queryFn: async ({ signal }) => {
      if (field === undefined) return [];
      const found = await answer(
        api.GET("/v1/runs/values", { params: { query: { field, prefix: settled, limit: 20 } }, signal }),
      );
      return found.items;
    },
    enabled: field !== undefined,
    staleTime: 30_000,
    placeholderData: undefined,
    retry: false,
  });
  // Values for a shorter beginning are still good for what fits.
  const found = (query.data ?? []).filter((value) => value.startsWith(prefix));
  return { found: field === undefined ? [] : found, isAsking: field !== undefined && query.isFetching };
}
