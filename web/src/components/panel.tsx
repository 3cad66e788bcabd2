import { Group, Paper, type PaperProps, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";

interface PanelProps extends PaperProps {
  title: string;
  /** A sentence on what is shown. */
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A part of a page with a heading of its own. */
export function Panel({ title, hint, actions, children, ...rest }: PanelProps) {
  const id = useId();
  return (
    <Paper component="section" aria-labelledby={id} withBorder p="sm" bg="var(--ag-surface)" {...rest}>
      <Group justify="space-between" align="baseline" gap="xs" mb="xs" wrap="nowrap">
        <Group gap="xs" align="baseline" style={{ minWidth: 0 }}>
          <Title order={2} id={id}>
            {title}
          </Title>
          {hint && (
            <Text size="xs" c="dimmed" component="span">
              {hint}
            </Text>
          )}
        </Group>
        {actions && (
          <Group gap={4} wrap="nowrap">
            {actions}
          </Group>
        )}
      </Group>
      {children}
    </Paper>
  );
}
