import { HoverCard, Stack, Text, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ApiError, answer, api } from "@/api/client";
import { formatCount, formatDuration, plural } from "@/lib/format";
import classes from "./freshness.module.css";

const WORDS = {
  fresh: "Live",
  behind: "Behind",
  stalled: "Stalled",
  unknown: "Unknown",
} as const;
const MEANING = {
  fresh: "Everything that was accepted is here.",
  behind: "What was accepted last is still on its way.",
  stalled: "Nothing is stored at the moment. What was accepted waits on disk and is not lost.",
  unknown: "The queue does not answer, so nobody can say what waits in it.",
} as const;

/** Whether the data is complete and fresh, in one look, on every page. */
export function Freshness() {
  const query = useQuery({
    queryKey: ["freshness"],
    queryFn: ({ signal }) => answer(api.GET("/v1/freshness", { signal })),
    refetchInterval: 5_000,
    retry: false,
  });
  const found = query.error ? undefined : query.data;
  const state = query.error ? "unknown" : (found?.state ?? "unknown");
  const lag = found?.lagSeconds ?? null;
  const isUnreachable = query.error instanceof ApiError && query.error.status === 0;
  const word = isUnreachable ? "No connection" : found || query.error ? WORDS[state] : "…";
  return (
    <HoverCard width={280} shadow="md" openDelay={150} position="bottom-end">
      <HoverCard.Target>
        <UnstyledButton component={Link} to="/pipeline" className={classes.indicator} data-state={state}>
          <span className={classes.dot} aria-hidden />
          {word}
          {lag !== null && state !== "fresh" && <span>· {formatDuration(lag * 1000)}</span>}
          {found && found.deadLetters > 0 && (
            <span className={classes.dead} title="Events that could not be stored">
              · {formatCount(found.deadLetters)} dead
            </span>
          )}
        </UnstyledButton>
      </HoverCard.Target>
      <HoverCard.Dropdown>
        <Stack gap={4}>
          <Text size="sm">{query.error ? query.error.message : MEANING[state]}</Text>
          {found && (
            <Text size="xs" c="dimmed">
              {found.backlogEvents === null ? "Queue unknown" : `${plural(found.backlogEvents, "event")} in the queue`}{" "}
              · figures {formatDuration(found.figuresLagSeconds * 1000)}, search{" "}
              {formatDuration(found.searchLagSeconds * 1000)} behind
              {found.deadLetters > 0 && ` · ${plural(found.deadLetters, "dead letter")}`}
            </Text>
          )}
        </Stack>
      </HoverCard.Dropdown>
    </HoverCard>
  );
}
