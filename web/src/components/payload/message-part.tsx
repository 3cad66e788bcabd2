import { IconArrowForwardUp, IconPhotoOff, IconTool } from "@tabler/icons-react";
import { CopyButton } from "@/components/copy-button";
import type { Part, ToolResult } from "./conversation";
import classes from "./conversation.module.css";
import { CutNotice } from "./cut-notice";
import { isContainer, sizeOf, writeJson } from "./json";
import { JsonTree } from "./json-tree";
import { LongText } from "./long-text";
import { isSettable } from "./look";
import { Markdown } from "./markdown";
import { Marked } from "./marked";
import { cutOf } from "./marks";
import { OutsideLink } from "./outside-link";
import { safeLink } from "./safe-urls";

const SET_CHARS = 6_000;
const RESULT_CHARS = 2_000;

/** One part of a message: words, a picture, a call of a tool with its result. */
export function MessagePart({ part }: { part: Part }) {
  switch (part.kind) {
    case "text":
      return <Words text={part.text} />;
    case "thinking":
      return (
        <details className={classes.thinking}>
          <summary>Thinking</summary>
          <Words text={part.text} />
        </details>
      );
    case "image":
      return <Picture src={part.src} from={part.from} />;
    case "call":
      return <Call part={part} />;
    case "result":
      return (
        <div className={classes.call}>
          <Result result={part.result} title={part.name ? `Result of ${part.name}` : "Result"} id={part.id} />
        </div>
      );
    case "other":
      return <Data label="Part of the message" value={part.value} />;
  }
}

/** Long texts are folded; the fold shows them plain, as setting them takes time. */
function Words({ text }: { text: string }) {
  return text.length <= SET_CHARS && isSettable(text) ? (
    <Markdown text={text} />
  ) : (
    <LongText text={text} first={SET_CHARS} />
  );
}

function Picture({ src, from = "" }: { src?: string; from?: string }) {
  if (src !== undefined) return <img className={classes.image} src={src} alt="As the agent sent it" />;
  return (
    <span className={classes.missing}>
      <IconPhotoOff size={14} aria-hidden />
      <span>A picture that is elsewhere:</span>
      {safeLink(from) ? <OutsideLink url={from} /> : <Marked text={from.slice(0, 300)} />}
    </span>
  );
}

function Call({ part }: { part: Part & { kind: "call" } }) {
  return (
    <div className={classes.call}>
      <div className={classes.callHead}>
        <IconTool size={13} aria-hidden />
        <span className={classes.callName}>{part.name}</span>
        {part.id && <span className={classes.id}>{part.id}</span>}
        <span className={classes.callCopy}>
          <CopyButton text={() => writeJson(part.input, 2)} label="Copy arguments" />
        </span>
      </div>
      {part.input !== undefined && part.input !== "" && (
        <div className={classes.data}>
          <Data label={`Arguments of ${part.name}`} value={part.input} />
        </div>
      )}
      {part.result && <Result result={part.result} title="Result" />}
    </div>
  );
}

function Result({ result, title, id }: { result: ToolResult; title: string; id?: string }) {
  return (
    <>
      <div className={classes.resultHead} data-error={result.isError || undefined}>
        <IconArrowForwardUp size={13} aria-hidden />
        <span>{result.isError ? `${title}: failed` : title}</span>
        {id && <span className={classes.id}>{id}</span>}
      </div>
      <div className={classes.data}>
        <Data label={title} value={result.value} />
      </div>
    </>
  );
}

function Data({ label, value }: { label: string; value: unknown }) {
  const cut = cutOf(value);
  if (cut !== undefined) return <CutNotice cut={cut} />;
  if (isContainer(value) && sizeOf(value) > 0) return <JsonTree label={label} value={value} />;
  const text = typeof value === "string" ? value : writeJson(value);
  return <LongText text={text} first={RESULT_CHARS} isMonospaced />;
}
