import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/client";

export const SESSION_KEY = ["session"] as const;

/** Answers that another try may change: none, a full queue, a server that is busy or just starting. */
function isPassing(error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500 || error.status === 429);
}

/** A session may end while a page is open: whoever has none any more is asked to sign in at once, not minutes later. */
function noticeEndOfSession(error: Error): void {
  if (!(error instanceof ApiError) || error.status !== 401) return;
  void queryClient.invalidateQueries({ queryKey: SESSION_KEY }, { cancelRefetch: false });
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (query.queryKey[0] !== SESSION_KEY[0]) noticeEndOfSession(error);
    },
  }),
  mutationCache: new MutationCache({ onError: noticeEndOfSession }),
  defaultOptions: {
    mutations: { networkMode: "always" },
    queries: {
      // A server on this machine or in the same house answers also where a browser says that it is offline.
      networkMode: "always",
      refetchOnReconnect: true,
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && isPassing(error),
      retryDelay: (failures, error) =>
        Math.min((error instanceof ApiError && error.retryAfter ? error.retryAfter : 2 ** failures) * 1000, 10_000),
      // While new figures come, the old ones stay to be seen.
      placeholderData: (before: unknown) => before,
    },
  },
});
