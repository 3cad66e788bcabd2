import { Button, TextInput } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { CutNotice } from "@/components/payload/cut-notice";
import { isContainer, sizeOf, writeJson } from "@/components/payload/json";
import { JsonTree } from "@/components/payload/json-tree";
import { LongText } from "@/components/payload/long-text";
import { cutOf } from "@/components/payload/marks";
import { formatCount } from "@/lib/format";
import { attributeRows } from "./attributes";
import classes from "./step-panel.module.css";

const PAGE_ROWS = 200;
const VALUE_CHARS = 500;
/** Fewer attributes are seen at a glance. */
const FILTERED_ROWS = 4;

/** What else a step said, name by name. */
export function AttributesTable({ attributes }: { attributes: Record<string, unknown> }) {
  const [wanted, setWanted] = useState("");
  const [shown, setShown] = useState(PAGE_ROWS);
  const cut = cutOf(attributes);
  const rows = useMemo(() => attributeRows(attributes, wanted), [attributes, wanted]);
  if (cut !== undefined) return <CutNotice cut={cut} />;
  return (
    <>
      {Object.keys(attributes).length > FILTERED_ROWS && (
        <TextInput
          mb={6}
          aria-label="Filter attributes"
          placeholder="Filter by name or value"
          leftSection={<IconFilter size={13} aria-hidden />}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {rows.length === 0 && <p className={classes.none}>No attribute has that in it. Try fewer letters.</p>}
      <table className={classes.attributes}>
        <caption className={classes.hidden}>Attributes</caption>
        <colgroup>
          <col className={classes.nameColumn} />
          <col />
          <col className={classes.copyColumn} />
        </colgroup>
        <thead className={classes.hidden}>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Value</th>
            <th scope="col">Copy</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name.length > 300 ? `${name.slice(0, 300)}…` : name}</th>
              <td>
                <AttributeValue name={name} value={value} />
              </td>
              <td className={classes.copyCell}>
                <CopyButton
                  text={() => (typeof value === "string" ? value : writeJson(value, 2))}
                  label={`Copy ${name.slice(0, 80)}`}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <Button variant="default" size="compact-xs" mt={6} onClick={() => setShown(shown + PAGE_ROWS)}>
          Show {Math.min(PAGE_ROWS, rows.length - shown)} more of {formatCount(rows.length)}
        </Button>
      )}
    </>
  );
}

function AttributeValue({ name, value }: { name: string; value: unknown }) {
  const cut = cutOf(value);
  if (cut !== undefined) return <CutNotice cut={cut} />;
  if (isContainer(value) && sizeOf(value) > 0) return <JsonTree label={name.slice(0, 80)} value={value} />;
  const text = typeof value === "string" ? value : writeJson(value);
  return <LongText text={text} first={VALUE_CHARS} isMonospaced />;
}
