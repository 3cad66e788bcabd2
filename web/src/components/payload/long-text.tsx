import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import { formatCount } from "@/lib/format";
import classes from "./long-text.module.css";
import { Marked } from "./marked";
import { chunksOf } from "./text-chunks";

interface LongTextProps {
  text: string;
  /** Characters that are shown at first. */
  first?: number;
  isMonospaced?: boolean;
  /** Without it long lines scroll. */
  isWrapped?: boolean;
  /** For those who cannot see it, where the text is a box of its own that scrolls. */
  label?: string;
}

const STEP_CHARS = 1_000_000;

/** A text of any length: its beginning, more of it when asked, and laid out only where it is looked at. */
export function LongText({ text, first = 20_000, isMonospaced = false, isWrapped = true, label }: LongTextProps) {
  const [shown, setShown] = useState(first);
  const isCut = text.length > shown + first / 10;
  const chunks = useMemo(() => chunksOf(isCut ? text.slice(0, shown) : text), [text, shown, isCut]);
  const isLast = text.length - shown <= 1.5 * STEP_CHARS;
  return (
    <>
      <div
        className={classes.text}
        data-mono={isMonospaced || undefined}
        data-nowrap={!isWrapped || undefined}
        {...(label === undefined ? {} : { role: "region", "aria-label": label, tabIndex: 0 })}
      >
        {chunks.map((chunk) => (
          <div key={chunk.start} className={chunks.length > 1 ? classes.chunk : undefined}>
            <Marked text={chunk.text} />
            {isCut && chunk === chunks.at(-1) && "…"}
          </div>
        ))}
      </div>
      {isCut && (
        <Button
          variant="default"
          size="compact-xs"
          mt={6}
          onClick={() => setShown(isLast ? text.length : shown + STEP_CHARS)}
        >
          {isLast
            ? `Show all ${formatCount(text.length)} characters`
            : `Show ${formatCount(STEP_CHARS)} characters more`}
        </Button>
      )}
    </>
  );
}
