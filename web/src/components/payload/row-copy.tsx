import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { writeJson } from "./json";
import classes from "./json-tree.module.css";
import type { TreeRow } from "./tree";

/** Copies the value of a row; with Alt its path. Lighter than the button of other places, as there are many rows. */
export function RowCopy({ row }: { row: TreeRow }) {
  const clipboard = useClipboard({ timeout: 1200 });
  const name = row.path === "" ? "all of it" : row.path.slice(0, 100);
  return (
    <button
      type="button"
      className={classes.copy}
      data-copied={clipboard.copied || undefined}
      aria-label={clipboard.copied ? "Copied" : `Copy ${name}`}
      title={clipboard.copied ? "Copied" : `Copy the value. With Alt: its path, ${name}`}
      onClick={(event) => clipboard.copy(event.altKey ? row.path : textOf(row.value))}
    >
      {clipboard.copied ? <IconCheck size={13} aria-hidden /> : <IconCopy size={13} aria-hidden />}
    </button>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : writeJson(value, 2);
}
