import { ConversationView } from "./conversation-view";
import { CutNotice } from "./cut-notice";
import { firstValues, isContainer } from "./json";
import { JsonTree } from "./json-tree";
import { LongText } from "./long-text";
import type { Look } from "./look";
import { Markdown } from "./markdown";
import classes from "./payload-view.module.css";

interface ValueViewProps {
  label: string;
  look: Look;
  isWrapped: boolean;
}

const SEARCHABLE_ROWS = 20;

/** A value as what it is: a conversation, a text, a tree. */
export function ValueView({ label, look, isWrapped }: ValueViewProps) {
  switch (look.kind) {
    case "nothing":
      return <p className={classes.nothing}>Nothing was sent.</p>;
    case "cut":
      return <CutNotice cut={look.cut} />;
    case "conversation":
      return <ConversationView conversation={look.conversation} />;
    case "markdown":
      return <Markdown text={look.text} />;
    case "text":
      return look.text === "" ? (
        <p className={classes.nothing}>An empty text was sent.</p>
      ) : (
        <LongText text={look.text} isWrapped={isWrapped} label={isWrapped ? undefined : label} />
      );
    case "tree":
      return <JsonTree label={label} value={look.value} withSearch={isLarge(look.value)} />;
    case "atom":
      return <code className={classes.atom}>{String(look.value)}</code>;
  }
}

/** Whether there is enough in a value to search in it; looks no further than that. */
function isLarge(value: unknown): boolean {
  const waiting: unknown[] = [value];
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen + waiting.length > SEARCHABLE_ROWS) return true;
    const one = waiting.pop();
    if (isContainer(one)) waiting.push(...firstValues(one, SEARCHABLE_ROWS + 1));
  }
  return false;
}
