import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";

/** Puts a text on the clipboard, and says that it did. */
export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const clipboard = useClipboard({ timeout: 1500 });
  const said = clipboard.error ? "The browser does not let us copy" : clipboard.copied ? "Copied" : label;
  return (
    <Tooltip label={said}>
      <ActionIcon
        size="sm"
        aria-label={said}
        onClick={() => clipboard.copy(typeof text === "function" ? text() : text)}
      >
        {clipboard.copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  );
}
