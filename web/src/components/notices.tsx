import { Alert, Button, Center, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "@/api/client";

/** What went wrong, and what to do about it. */
export function ErrorNotice({ error, onRetry }: { error: Error; onRetry?: () => unknown }) {
  const isOurs = !(error instanceof ApiError);
  return (
    <Alert
      role="alert"
      variant="light"
      color="red"
      icon={<IconAlertTriangle aria-hidden />}
      title={titleOf(error)}
      maw={720}
      styles={{ title: { color: "var(--ag-danger)" }, message: { color: "var(--ag-text)" } }}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{isOurs ? `${error.name}: ${error.message}` : error.message}</Text>
        {onRetry && (
          <Button variant="default" onClick={() => onRetry()}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

function titleOf(error: Error): string {
  if (!(error instanceof ApiError)) return "This part broke";
  if (error.status === 0) return "No connection";
  if (error.status === 403) return "You may not see this";
  if (error.status === 404) return "Not found";
  if (error.status === 422) return "The server does not understand this question";
  return error.status >= 500 ? "The server cannot answer now" : "That did not work";
}

/** Nothing is here: why, and what to do next. */
export function EmptyState({ title, icon, children }: { title: string; icon?: ReactNode; children?: ReactNode }) {
  return (
    <Center py="xl" px="md">
      <Stack gap={6} align="center" maw={460} ta="center">
        {icon && <span aria-hidden>{icon}</span>}
        <Text fw={600}>{title}</Text>
        {children && (
          <Text component="div" size="sm" c="dimmed">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  );
}

interface LoadedProps<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "refetch">;
  /** Of the skeleton, in pixels: about what will be there, so that nothing jumps. */
  height?: number;
  children: (data: T) => ReactNode;
}

/** What a query found; until then a skeleton, and an error with a way on. Old data stays while new data fails, and says so. */
export function Loaded<T>({ query, height = 160, children }: LoadedProps<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error && (
          <Group gap="xs" mb="xs" role="status">
            <Text size="xs" c="var(--ag-warning)">
              These figures may be old: {query.error.message}
            </Text>
            <Button size="compact-xs" variant="default" onClick={() => query.refetch()}>
              Try again
            </Button>
          </Group>
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.error) return <ErrorNotice error={query.error} onRetry={query.refetch} />;
  return <Skeleton height={height} role="status" aria-label="Loading" />;
}
