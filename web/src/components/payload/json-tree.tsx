import { TextInput } from "@mantine/core";
import { IconChevronDown, IconChevronRight, IconSearch } from "@tabler/icons-react";
import { useDeferredValue, useMemo, useState } from "react";
import { plural } from "@/lib/format";
import { CutNotice } from "./cut-notice";
import { isContainer, sizeOf } from "./json";
import classes from "./json-tree.module.css";
import { LongText } from "./long-text";
import { Marked } from "./marked";
import { cutOf } from "./marks";
import { RowCopy } from "./row-copy";
import { findRows, inlineOf, isFoldable, openAtFirst, PAGE_SIZE, previewOf, rowsOf, type TreeRow } from "./tree";

interface JsonTreeProps {
  /** For those who cannot see it. */
  label: string;
  value: unknown;
  /** With a field to search in it. */
  withSearch?: boolean;
}

const DEPTH_INDENTED_MAX = 20;
const TEXT_SHOWN_CHARS = 400;

/** Any JSON as a tree that opens step by step: what is closed costs nothing. */
export function JsonTree({ label, value, withSearch = false }: JsonTreeProps) {
  const [opened, setOpened] = useState(() => ({ of: value, nodes: openAtFirst(value) }));
  const [wanted, setWanted] = useState("");
  const text = useDeferredValue(wanted.trim());
  // Another value begins anew.
  const open = useMemo(() => (opened.of === value ? opened.nodes : openAtFirst(value)), [opened, value]);
  const found = useMemo(() => (text === "" ? undefined : findRows(value, text)), [value, text]);
  const rows = useMemo(() => found?.rows ?? withoutRoot(rowsOf(value, open)), [found, value, open]);
  const show = (id: string, count: number) => setOpened({ of: value, nodes: new Map(open).set(id, count) });
  return (
    <div>
      {withSearch && (
        <TextInput
          mb={6}
          aria-label={`Find in ${label}`}
          placeholder="Find a key or a value"
          leftSection={<IconSearch size={13} aria-hidden />}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {found && (
        <p className={classes.found} role="status">
          {found.rows.length === 0
            ? "Nothing of that. Try fewer letters."
            : `${plural(found.rows.length, "place")}${found.isCut ? "; there may be more" : ""}`}
        </p>
      )}
      <ul className={classes.tree} aria-label={label}>
        {rows.map((row) => (
          <Row key={row.id} row={row} shown={found ? 0 : (open.get(row.id) ?? 0)} isFound={!!found} onShow={show} />
        ))}
      </ul>
    </div>
  );
}

/** What holds everything needs no line of its own. */
function withoutRoot(rows: TreeRow[]): TreeRow[] {
  return rows.length > 1 ? rows.slice(1).map((row) => ({ ...row, depth: row.depth - 1 })) : rows;
}

interface RowProps {
  row: TreeRow;
  /** Children that are shown. */
  shown: number;
  /** In a list of what was found: with its whole path, and not to be opened. */
  isFound: boolean;
  onShow: (id: string, count: number) => void;
}

function Row({ row, shown, isFound, onShow }: RowProps) {
  const style = { paddingLeft: isFound ? 0 : Math.min(row.depth, DEPTH_INDENTED_MAX) * 14 };
  if (row.more) {
    const { shown: before, count } = row.more;
    const id = row.id.slice(0, -"//more".length);
    return (
      <li style={style}>
        <button type="button" className={classes.more} onClick={() => onShow(id, before + PAGE_SIZE)}>
          Show {Math.min(PAGE_SIZE, count - before)} more of {plural(count, "value")}
        </button>
      </li>
    );
  }
  const name = isFound ? row.path : row.key;
  return (
    <li className={classes.row} style={style} title={row.path || undefined}>
      {isFoldable(row.value) && !isFound ? (
        <button
          type="button"
          className={classes.fold}
          aria-expanded={shown > 0}
          onClick={() => onShow(row.id, shown > 0 ? 0 : PAGE_SIZE)}
        >
          {shown > 0 ? <IconChevronDown size={13} aria-hidden /> : <IconChevronRight size={13} aria-hidden />}
          <Key name={name} />
          <span className={classes.preview}>{shown > 0 ? openPreview(row.value) : previewOf(row.value)}</span>
        </button>
      ) : (
        <div className={classes.leaf}>
          <Key name={name} />
          <Leaf value={row.value} />
        </div>
      )}
      <RowCopy row={row} />
    </li>
  );
}

function openPreview(value: object): string {
  return Array.isArray(value) ? plural(value.length, "value") : "";
}

function Key({ name }: { name: string | number | undefined }) {
  if (name === undefined) return null;
  const text = String(name);
  return (
    <span className={typeof name === "number" ? classes.index : classes.key}>
      {text === "" ? '""' : text.length > 200 ? `${text.slice(0, 200)}…` : text}
    </span>
  );
}

function Leaf({ value }: { value: unknown }) {
  const cut = cutOf(value);
  if (cut !== undefined) return <CutNotice cut={cut} />;
  if (typeof value === "string") {
    return value === "" ? (
      <span className={classes.preview}>empty text</span>
    ) : (
      <div className={classes.string}>
        <LongText text={value} first={TEXT_SHOWN_CHARS} isMonospaced />
      </div>
    );
  }
  const inline = inlineOf(value);
  if (inline !== undefined)
    return (
      <span className={classes.atom}>
        <Marked text={inline} />
      </span>
    );
  if (isContainer(value)) {
    const isEmpty = sizeOf(value) === 0;
    return <span className={classes.preview}>{isEmpty ? (Array.isArray(value) ? "[]" : "{}") : previewOf(value)}</span>;
  }
  return <span className={classes.atom}>{String(value)}</span>;
}
