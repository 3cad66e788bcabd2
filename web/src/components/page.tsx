import { Group, Stack, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface PageProps {
  title: string;
  /** Beside the title: what it is about. */
  about?: ReactNode;
  /** At the right: pickers and buttons. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page: its title, also the browser's, what one can do with it, and what it shows. */
export function Page({ title, about, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · AgentGuide`;
  }, [title]);
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs" mih={30}>
        <Group gap="xs" align="baseline" style={{ minWidth: 0 }}>
          <Title order={1}>{title}</Title>
          {about}
        </Group>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
