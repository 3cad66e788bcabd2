import { Button } from "@mantine/core";
import { IconMessage, IconRobot, IconSettings, IconTool, IconUser } from "@tabler/icons-react";
import { useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { plural } from "@/lib/format";
import type { Conversation, Message, Role } from "./conversation";
import classes from "./conversation.module.css";
import { JsonTree } from "./json-tree";
import { MessagePart } from "./message-part";

const LOOKS: Record<Role, { label: string; Icon: typeof IconUser }> = {
  system: { label: "System", Icon: IconSettings },
  user: { label: "User", Icon: IconUser },
  assistant: { label: "Assistant", Icon: IconRobot },
  tool: { label: "Tool", Icon: IconTool },
  other: { label: "", Icon: IconMessage },
};
const SHOWN_FIRST = 5;
const SHOWN_LAST = 45;
const MORE = 100;

/** A conversation with a model. Of a very long one the beginning and the end, with the way to what lies between. */
export function ConversationView({ conversation: { messages, rest } }: { conversation: Conversation }) {
  const [last, setLast] = useState(SHOWN_LAST);
  const between = messages.length - SHOWN_FIRST - last;
  const isCut = between > 10;
  const places = messages.map((message, place) => ({ message, place }));
  const head = isCut ? places.slice(0, SHOWN_FIRST) : places;
  const tail = isCut ? places.slice(-last) : [];
  return (
    <div>
      <ol className={classes.messages}>
        {head.map(({ message, place }) => (
          <OneMessage key={place} message={message} />
        ))}
        {isCut && (
          <li className={classes.between}>
            <Button variant="default" size="compact-xs" onClick={() => setLast(last + MORE)}>
              Show {Math.min(MORE, between)} of the {plural(between, "message")} between
            </Button>
          </li>
        )}
        {tail.map(({ message, place }) => (
          <OneMessage key={place} message={message} />
        ))}
      </ol>
      {rest && (
        <details className={classes.rest}>
          <summary>Beside the messages: {Object.keys(rest).slice(0, 6).join(", ").slice(0, 120)}</summary>
          <JsonTree label="Beside the messages" value={rest} />
        </details>
      )}
    </div>
  );
}

function OneMessage({ message }: { message: Message }) {
  const { label, Icon } = LOOKS[message.role];
  const text = message.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n\n");
  return (
    <li className={classes.message} data-role={message.role}>
      <div className={classes.who}>
        <Icon size={14} aria-hidden />
        <span className={classes.role}>{label || message.said}</span>
        {message.name && <span className={classes.name}>{message.name}</span>}
        {text !== "" && (
          <span className={classes.copy}>
            <CopyButton text={text} label="Copy text" />
          </span>
        )}
      </div>
      <div className={classes.parts}>
        {message.parts.length === 0 && <span className={classes.empty}>without words</span>}
        {message.parts.map((part, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
          <MessagePart key={index} part={part} />
        ))}
      </div>
    </li>
  );
}
