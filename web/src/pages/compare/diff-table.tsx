import { Text } from "@mantine/core";
import { Fragment, useMemo, useState } from "react";
import { isObject } from "@/components/payload/json";
import { plural } from "@/lib/format";
import classes from "./diff-table.module.css";
import { type DiffPart, type DiffRow, diffLines, foldDiff, markChange } from "./line-diff";
import { linesOf } from "./payload-lines";

const FOLDED_MIN = 3;
const ROWS_SHOWN_MAX = 1500;
const ALIKE_SHARE = 0.3;

/** Two payloads as lines side by side, with long stretches of what is the same left out until they are asked for. */
export function DiffTable({ label, a, b }: { label: string; a: unknown; b: unknown }) {
  const { parts, isCut } = useMemo(() => {
    const [inA, inB] = [linesOf(a), linesOf(b)];
    const rows = diffLines(inA.lines, inB.lines);
    return {
      parts: foldDiff(rows.slice(0, ROWS_SHOWN_MAX)),
      isCut: inA.isCut || inB.isCut || rows.length > ROWS_SHOWN_MAX,
    };
  }, [a, b]);
  return (
    <>
      {(isTruncated(a) || isTruncated(b)) && (
        <Text size="xs" c="var(--ag-warning)" mb={4}>
          The server kept only the beginning of this payload: what differs after it is not known.
        </Text>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard */}
      <section className={classes.frame} tabIndex={0} aria-label={label}>
        <table className={classes.table}>
          <colgroup>
            <col className={classes.numbers} />
            <col />
            <col className={classes.numbers} />
            <col />
          </colgroup>
          <thead>
            <tr>
              <th scope="col" colSpan={2}>
                A
              </th>
              <th scope="col" colSpan={2}>
                B
              </th>
            </tr>
          </thead>
          <tbody>
            {parts.map((part, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: parts are made anew all at once
              <Part key={at} part={part} />
            ))}
          </tbody>
        </table>
      </section>
      {isCut && (
        <Text size="xs" c="dimmed" mt={4}>
          Only the beginning is compared here. See A and B for all of it.
        </Text>
      )}
    </>
  );
}

/** Of lines that have little in common all is different, which needs no mark. */
function markAlike(a: string, b: string) {
  const marked = markChange(a, b);
  const shared = marked.before.trim().length + marked.after.trim().length;
  return shared >= ALIKE_SHARE * Math.max(a.length, b.length) ? marked : undefined;
}

function isTruncated(value: unknown): boolean {
  return isObject(value) && value.$truncated === true;
}

function Part({ part }: { part: DiffPart }) {
  const [isOpen, setOpen] = useState(false);
  if (part.kind === "rows" || isOpen || part.rows.length < FOLDED_MIN) {
    return part.rows.map((row) => <Line key={`${row.a?.number}-${row.b?.number}`} row={row} />);
  }
  return (
    <tr>
      <td colSpan={4} className={classes.fold}>
        <button type="button" onClick={() => setOpen(true)}>
          Show {plural(part.rows.length, "line")} that are the same
        </button>
      </td>
    </tr>
  );
}

function Line({ row }: { row: DiffRow }) {
  const marked = row.kind === "changed" ? markAlike(row.a.text, row.b.text) : undefined;
  const textOf = (side: "a" | "b") =>
    marked ? (
      <Fragment>
        {marked.before}
        <mark>{marked[side]}</mark>
        {marked.after}
      </Fragment>
    ) : (
      row[side]?.text
    );
  return (
    <tr data-kind={row.kind}>
      <td className={classes.number}>{row.a?.number}</td>
      <td className={classes.a}>{textOf("a")}</td>
      <td className={classes.number}>{row.b?.number}</td>
      <td className={classes.b}>{textOf("b")}</td>
    </tr>
  );
}
