import { IconScissors } from "@tabler/icons-react";
import { formatBytes } from "@/lib/format";
import classes from "./cut-notice.module.css";
import { LongText } from "./long-text";
import type { Cut } from "./marks";

const encoder = new TextEncoder();

/** A value that was too large to be kept: what there is of it, and that it is not all. */
export function CutNotice({ cut }: { cut: Cut }) {
  const kept = encoder.encode(cut.head).length;
  return (
    <div className={classes.cut}>
      <p className={classes.note}>
        <IconScissors size={14} aria-hidden />
        <span>
          Cut at {formatBytes(kept)}: {formatBytes(cut.bytes)} were sent, the first {formatBytes(kept)} are kept.
        </span>
      </p>
      <LongText text={`${cut.head}…`} isMonospaced />
    </div>
  );
}
