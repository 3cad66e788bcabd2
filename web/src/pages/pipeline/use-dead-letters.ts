import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";

const LETTERS = "dead-letters";
const SHOWN = 50;

/** Which letters: one, all of a code, or all. */
export type Which = { id: number } | { code: string } | { all: true };

export function useDeadLetters(code: string | undefined) {
  return useQuery({
    queryKey: [LETTERS, "list", code ?? null],
    queryFn: ({ signal }) => answer(api.GET("/v1/deadletters", { params: { query: { code, limit: SHOWN } }, signal })),
    refetchInterval: 15_000,
  });
}

export function useDeadLetter(id: number) {
  return useQuery({
    queryKey: [LETTERS, "one", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/deadletters/{letter_id}", { params: { path: { letter_id: String(id) } }, signal })),
    // Another letter is not this one while it loads.
    placeholderData: undefined,
  });
}

/** How far the replay is that was started last; asked for often while it is under way. */
export function useReplay(isWatched: boolean) {
  return useQuery({
    queryKey: [LETTERS, "replay"],
    queryFn: ({ signal }) => answer(api.GET("/v1/deadletters/replay", { signal })),
    enabled: isWatched,
    retry: false,
    refetchInterval: (query) => (query.state.data?.status === "RUNNING" ? 1_000 : false),
  });
}

export function useReplayStart(onStart: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (which: Which) => answer(api.POST("/v1/deadletters/replay", { params: { query: which } })),
    onSuccess: (replay) => {
      // What is known of the one before says nothing of this one.
      queryClient.setQueryData([LETTERS, "replay"], replay);
      onStart();
      return queryClient.invalidateQueries({ queryKey: [LETTERS] });
    },
    onError: (error) => notifications.show({ color: "red", title: "Not replayed", message: error.message }),
  });
}

export function useDiscard(onDone: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (which: Which) => answer(api.DELETE("/v1/deadletters", { params: { query: which } })),
    onSuccess: ({ discarded }) => {
      notifications.show({ message: discarded === 1 ? "One letter is gone." : `${discarded} letters are gone.` });
      onDone();
      return queryClient.invalidateQueries({ queryKey: [LETTERS] });
    },
    onError: (error) => notifications.show({ color: "red", title: "Nothing was discarded", message: error.message }),
  });
}

/** What was replayed has left the list, and may be in every other one. */
export function useReplayDone() {
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries({ queryKey: [LETTERS, "list"] });
}
