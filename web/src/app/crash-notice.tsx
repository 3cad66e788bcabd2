import { Button, Center, Code, Stack, Text, Title } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";

/** A mistake of ours: said as such, with what to send to us. */
export function CrashNotice({ error }: ErrorComponentProps) {
  return (
    <Center p="xl">
      <Stack maw={640} role="alert">
        <Title order={1}>This page broke</Title>
        <Text>That is a fault of the dashboard, not of your data. Loading it again may help.</Text>
        <Code block>{error instanceof Error ? `${error.name}: ${error.message}` : String(error)}</Code>
        <Button w="fit-content" onClick={() => window.location.reload()}>
          Load again
        </Button>
      </Stack>
    </Center>
  );
}
