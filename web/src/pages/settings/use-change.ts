import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import { SESSION_KEY } from "@/app/query-client";

/** A change of settings: says how it went, and has what is shown asked for again. */
export function useChange<Input, Output>(options: {
  change: (input: Input) => Promise<Output>;
  done: string;
  shown: QueryKey;
  onDone?: (output: Output) => void;
}) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: options.change,
    onSuccess: (output) => {
      notifications.show({ message: options.done, color: "teal" });
      options.onDone?.(output);
      // Names, roles and projects also stand in the session.
      const shown = [options.shown, SESSION_KEY];
      return Promise.all(shown.map((queryKey) => queryClient.invalidateQueries({ queryKey })));
    },
    onError: (error) => {
      notifications.show({ title: "Nothing was changed", message: reasonOf(error), color: "red", autoClose: 10_000 });
    },
  });
}

function reasonOf(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  const reasons = error.details.map(({ path, reason }) => [path, reason].filter(Boolean).join(": "));
  return [error.message, ...reasons].join(" ");
}
