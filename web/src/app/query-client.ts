import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/client";

/** Answers that another try may change: none, a full queue, a server that is busy or just starting. */
function isPassing(error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500 || error.status === 429);
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && isPassing(error),
      retryDelay: (failures, error) =>
        Math.min((error instanceof ApiError && error.retryAfter ? error.retryAfter : 2 ** failures) * 1000, 10_000),
      // While new figures come, the old ones stay to be seen.
      placeholderData: (before: unknown) => before,
    },
  },
});
