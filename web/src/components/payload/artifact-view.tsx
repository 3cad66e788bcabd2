import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { hrefOf } from "@/api/client";
import type { Artifact } from "@/api/shapes";
import { formatCount, plural } from "@/lib/format";
import classes from "./artifact-view.module.css";
import { type ArtifactLook, artifactLook, cellOf, type TableContent } from "./artifacts";
import { isContainer, writeJson } from "./json";
import { LongText } from "./long-text";
import { isSettable } from "./look";
import { Markdown } from "./markdown";
import { OutsideLink } from "./outside-link";
import { PayloadView } from "./payload-view";
import { safeLink } from "./safe-urls";

/** A file or a table that an agent made: shown where that is safe, and to be saved. */
export function ArtifactView({ runId, artifact }: { runId: string; artifact: Artifact }) {
  const { id, type, url, content } = artifact;
  const look = useMemo(() => artifactLook(type, url, content), [type, url, content]);
  return (
    <section className={classes.artifact} aria-label={`Artifact of type ${type.slice(0, 80)}`}>
      <div className={classes.head}>
        <h3 className={classes.type}>{type}</h3>
        {look.kind !== "link" && (
          <Tooltip label="Download">
            <ActionIcon
              component="a"
              size="sm"
              href={hrefOf(`/v1/runs/${encodeURIComponent(runId)}/artifacts/${encodeURIComponent(id)}`)}
              download
              aria-label={`Download this ${type.slice(0, 80)}`}
            >
              <IconDownload size={15} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      <Content look={look} type={type} />
    </section>
  );
}

function Content({ look, type }: { look: ArtifactLook; type: string }) {
  switch (look.kind) {
    case "link":
      return safeLink(look.url) ? (
        <div className={classes.link}>
          <OutsideLink url={look.url} />
          <span className={classes.url}>{look.url}</span>
        </div>
      ) : (
        <div className={classes.link}>
          <span className={classes.note}>An address that no browser should follow:</span>
          <span className={classes.url}>{look.url}</span>
        </div>
      );
    case "image":
      return <img className={classes.image} src={look.src} alt={`Artifact of type ${type.slice(0, 80)}`} />;
    case "table":
      return <ArtifactTable table={look.table} />;
    case "markdown":
      return isSettable(look.text) ? <Markdown text={look.text} /> : <LongText text={look.text} />;
    case "source":
      return (
        <>
          <p className={classes.note}>Shown as its source, as it may hold scripts.</p>
          <LongText text={look.text} isMonospaced />
        </>
      );
    case "payload":
      return <PayloadView label="Content" value={look.value} />;
  }
}

const ROWS_PER_PAGE = 100;
const CELL_CHARS = 300;

function ArtifactTable({ table: { columns, rows } }: { table: TableContent }) {
  const [shown, setShown] = useState(ROWS_PER_PAGE);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard */}
      <section className={classes.frame} tabIndex={0} aria-label={`Table of ${plural(rows.length, "row")}`}>
        <table className={classes.table}>
          <thead>
            <tr>
              {columns.map((name, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place, names may be the same
                <th key={column} scope="col" data-align={alignOf(cellOf(rows[0], column, name))}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
              <tr key={index}>
                {columns.map((name, column) => {
                  const cell = cellOf(row, column, name);
                  return (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
                    <td key={column} data-align={alignOf(cell)}>
                      {cellText(cell)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > shown && (
        <Button variant="default" size="compact-xs" mt={6} onClick={() => setShown(shown + ROWS_PER_PAGE)}>
          Show {Math.min(ROWS_PER_PAGE, rows.length - shown)} more of {formatCount(rows.length)} rows
        </Button>
      )}
    </>
  );
}

function alignOf(cell: unknown): "right" | undefined {
  return typeof cell === "number" ? "right" : undefined;
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell === "number") return cell.toLocaleString("en", { maximumFractionDigits: 20 });
  const text = isContainer(cell) ? writeJson(cell) : String(cell);
  return text.length > CELL_CHARS ? `${text.slice(0, CELL_CHARS)}…` : text;
}
