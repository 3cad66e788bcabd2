import { Button, Group, Popover, Stack, Text } from "@mantine/core";
import { useState } from "react";

interface ConfirmButtonProps {
  label: string;
  /** What will happen, and that it cannot be undone if that is so. */
  question: string;
  onConfirm: () => void;
  disabled?: boolean;
}

/** For what cannot be taken back: asks once more, beside the button. */
export function ConfirmButton({ label, question, onConfirm, disabled }: ConfirmButtonProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" withArrow shadow="md" trapFocus width={300}>
      <Popover.Target>
        <Button size="compact-xs" variant="default" disabled={disabled} onClick={() => setOpen(!isOpen)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text size="sm" style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}>
            {question}
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => setOpen(false)} data-autofocus>
              Keep it
            </Button>
            <Button
              color="red"
              variant="filled"
              onClick={() => {
                setOpen(false);
                onConfirm();
              }}
            >
              {label}
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
