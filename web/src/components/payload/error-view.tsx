import { Switch } from "@mantine/core";
import { useId, useMemo, useState } from "react";
import { CopyButton } from "@/components/copy-button";
import classes from "./error-view.module.css";
import { readError, stackLines } from "./errors";
import { isContainer, writeJson } from "./json";
import { LongText } from "./long-text";
import { Marked } from "./marked";
import { PayloadView } from "./payload-view";

/** What went wrong with a run or a step: type, message, stack trace, and whatever else was said. */
export function ErrorView({ error }: { error: unknown }) {
  const id = useId();
  const { type, message, stack, rest } = useMemo(() => readError(error), [error]);
  const isBare = type === undefined && message === undefined && stack === undefined;
  return (
    <section aria-labelledby={id} className={classes.error}>
      <div className={classes.head}>
        <h3 id={id} className={classes.type}>
          <Marked text={(type ?? "Error").slice(0, 300)} />
        </h3>
        <CopyButton text={() => (typeof error === "string" ? error : writeJson(error, 2))} label="Copy error" />
      </div>
      {message !== undefined && (
        <div className={classes.message}>
          <LongText text={message} first={4_000} />
        </div>
      )}
      {stack !== undefined && <StackTrace stack={stack} />}
      {isBare && rest !== undefined && <PayloadView label="What was sent" value={rest} />}
      {!isBare && isContainer(rest) && <PayloadView label="Other fields" value={rest} />}
    </section>
  );
}

function StackTrace({ stack }: { stack: string }) {
  const id = useId();
  const [isOwnOnly, setOwnOnly] = useState(false);
  const lines = useMemo(() => stackLines(stack), [stack]);
  const foreign = lines?.filter((line) => line.isForeign).length ?? 0;
  return (
    <div className={classes.stack}>
      <div className={classes.stackHead}>
        <h4 id={id}>Stack trace</h4>
        {lines !== undefined && foreign > 0 && foreign < lines.length && (
          <Switch
            label="Own code only"
            checked={isOwnOnly}
            onChange={(event) => setOwnOnly(event.currentTarget.checked)}
          />
        )}
        <span className={classes.copy}>
          <CopyButton text={stack} label="Copy stack trace" />
        </span>
      </div>
      {lines === undefined ? (
        <LongText text={stack} isMonospaced />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
        <section className={classes.lines} aria-labelledby={id} tabIndex={0}>
          {lines
            .filter((line) => !(isOwnOnly && line.isForeign))
            .map((line) => (
              <div key={line.line} data-foreign={line.isForeign || undefined}>
                <Marked text={line.text || " "} />
              </div>
            ))}
        </section>
      )}
    </div>
  );
}
