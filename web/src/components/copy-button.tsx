import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface CopyButtonProps {
  text: string | (() => string);
  label: string;
  /** Where there are several: what tells this one from the others. */
  icon?: ReactNode;
}

/** Puts a text on the clipboard, and says that it did. */
export function CopyButton({ text, label, icon = <IconCopy size={15} /> }: CopyButtonProps) {
  const clipboard = useClipboard({ timeout: 1500 });
  const said = clipboard.error ? "The browser does not let us copy" : clipboard.copied ? "Copied" : label;
  return (
    <Tooltip label={said}>
      <ActionIcon
        size="sm"
        aria-label={said}
        onClick={() => clipboard.copy(typeof text === "function" ? text() : text)}
      >
        {clipboard.copied ? <IconCheck size={15} /> : icon}
      </ActionIcon>
    </Tooltip>
  );
}
