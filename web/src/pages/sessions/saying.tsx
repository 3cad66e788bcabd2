import { Button } from "@mantine/core";
import { useState } from "react";
import { LongText } from "@/components/payload/long-text";
import { isSettable } from "@/components/payload/look";
import { Markdown } from "@/components/payload/markdown";
import { PayloadView } from "@/components/payload/payload-view";
import { saidIn } from "./said";
import classes from "./saying.module.css";

const WHO = {
  user: { name: "Asked", payload: "Input" },
  assistant: { name: "Agent", payload: "Output" },
} as const;

/** One side of a turn: what was said, if it is plainly that, and the whole payload when asked for. */
export function Saying({ by, value }: { by: "user" | "assistant"; value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  const { name, payload } = WHO[by];
  if (value === null || value === undefined) return null;
  const said = saidIn(value, by);
  return (
    <div className={classes.saying} data-by={by}>
      {said === undefined ? (
        <PayloadView label={payload} value={value} />
      ) : (
        <>
          <div className={classes.head}>
            <span className={classes.name}>{name}</span>
            {said.hasMore && (
              <Button variant="subtle" size="compact-xs" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
                {isWhole ? `Hide the whole ${payload.toLowerCase()}` : `Whole ${payload.toLowerCase()}`}
              </Button>
            )}
          </div>
          {isSettable(said.text) ? <Markdown text={said.text} /> : <LongText text={said.text} first={4_000} />}
          {isWhole && <PayloadView label={payload} value={value} />}
        </>
      )}
    </div>
  );
}
