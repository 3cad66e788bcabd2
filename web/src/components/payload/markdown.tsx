import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import classes from "./markdown.module.css";
import { type Block, blocksOf, type Span, spansOf } from "./markdown-blocks";
import { Marked } from "./marked";

/** What a model wrote, set as it meant it. Only React makes elements of it, and links lead to http and https alone. */
export function Markdown({ text }: { text: string }) {
  return (
    <div className={classes.text}>
      {blocksOf(text).map((block) => (
        <OneBlock key={block.line} block={block} />
      ))}
    </div>
  );
}

function OneBlock({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      // No real heading: what a model writes is no part of the page's outline.
      return <p className={classes.heading}>{inline(block.text)}</p>;
    case "paragraph":
      return <p>{inline(block.text)}</p>;
    case "quote":
      return <blockquote>{inline(block.text)}</blockquote>;
    case "rule":
      return <hr />;
    case "code":
      return (
        <div className={classes.code}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard */}
          <pre tabIndex={0}>
            <Marked text={block.text} />
          </pre>
          <span className={classes.copy}>
            <CopyButton text={block.text} label="Copy code" />
          </span>
        </div>
      );
    case "list":
      return (
        <ul>
          {block.items.map((item) => (
            <li key={item.line} style={{ marginLeft: item.depth * 16 }}>
              <span className={classes.bullet}>{item.bullet}</span>
              <span>{inline(item.text)}</span>
            </li>
          ))}
        </ul>
      );
    case "table":
      return <Table head={block.head} rows={block.rows} />;
  }
}

function Table({ head, rows }: { head: string[]; rows: string[][] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
    <section className={classes.table} tabIndex={0} aria-label="Table">
      <table>
        <thead>
          <tr>
            {head.map((cell, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
              <th key={column} scope="col">
                {inline(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
                <td key={column}>{inline(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function inline(text: string): ReactNode {
  return spansOf(text).map((span) => <OneSpan key={span.start} span={span} />);
}

function OneSpan({ span }: { span: Span }) {
  const content = <Marked text={span.text} />;
  switch (span.kind) {
    case "code":
      return <code>{content}</code>;
    case "bold":
      return <strong>{content}</strong>;
    case "italic":
      return <em>{content}</em>;
    case "link":
      return (
        <a href={span.href} target="_blank" rel="noopener noreferrer" title={span.href}>
          {content}
          {/* An agent's words may promise another place than the link leads to. */}
          {span.text !== span.href && ` (${new URL(span.href).host})`}
        </a>
      );
    default:
      return content;
  }
}
