import { ActionIcon, SegmentedControl, Tooltip } from "@mantine/core";
import { IconTextWrap } from "@tabler/icons-react";
import { type ReactNode, useId, useMemo, useState } from "react";
import { CopyButton } from "@/components/copy-button";
import { formatBytes } from "@/lib/format";
import { jsonBytes, writeJson } from "./json";
import { LongText } from "./long-text";
import { describe, lookOf } from "./look";
import classes from "./payload-view.module.css";
import { ValueView } from "./value-view";

interface PayloadViewProps {
  /** What it is: `Input`, `Output`. */
  label: string;
  value: unknown;
  /** More buttons at the right of the head. */
  actions?: ReactNode;
}

type Mode = "formatted" | "json";

const RAW_SHOWN_CHARS = 100_000;

/** Any JSON that an agent sent, as what it is and as it came. Its text is a stranger's: it is only ever shown as text. */
export function PayloadView({ label, value, actions }: PayloadViewProps) {
  const id = useId();
  const [mode, setMode] = useState<Mode>("formatted");
  const [isWrapped, setWrapped] = useState(true);
  const look = useMemo(() => lookOf(value), [value]);
  const bytes = useMemo(() => jsonBytes(value), [value]);
  const isEmpty = look.kind === "nothing";
  const isRaw = mode === "json" && !isEmpty;
  const facts = [describe(look), isEmpty || look.kind === "cut" ? "" : formatBytes(bytes)].filter(Boolean);
  return (
    <section aria-labelledby={id} className={classes.payload}>
      <div className={classes.head}>
        <h3 id={id} className={classes.label}>
          {label}
        </h3>
        <span className={classes.facts}>{facts.join(" · ")}</span>
        {!isEmpty && (
          <div className={classes.tools}>
            {(isRaw || look.kind === "text") && <WrapToggle isWrapped={isWrapped} onChange={setWrapped} />}
            <SegmentedControl
              size="xs"
              classNames={{ root: classes.modes, indicator: classes.chosen, label: classes.mode }}
              aria-label={`How ${label} is shown`}
              value={mode}
              onChange={setMode}
              data={[
                { value: "formatted", label: "Formatted" },
                { value: "json", label: "JSON" },
              ]}
            />
            <CopyButton text={() => copied(value, mode)} label={`Copy ${label.toLowerCase()}`} />
            {actions}
          </div>
        )}
      </div>
      {isRaw ? (
        <RawJson label={`${label} as JSON`} value={value} isWrapped={isWrapped} />
      ) : (
        <ValueView label={label} look={look} isWrapped={isWrapped} />
      )}
    </section>
  );
}

/** A text is copied as such where it is seen as such. */
function copied(value: unknown, mode: Mode): string {
  return typeof value === "string" && mode === "formatted" ? value : writeJson(value, 2);
}

interface RawJsonProps {
  label: string;
  value: unknown;
  isWrapped?: boolean;
}

/** A value as JSON text, line by line; of a long one the beginning, until more is asked for. */
export function RawJson({ label, value, isWrapped = true }: RawJsonProps) {
  const text = useMemo(() => writeJson(value, 2), [value]);
  return (
    <div className={classes.raw}>
      <LongText text={text} first={RAW_SHOWN_CHARS} isMonospaced isWrapped={isWrapped} label={label} />
    </div>
  );
}

function WrapToggle({ isWrapped, onChange }: { isWrapped: boolean; onChange: (isWrapped: boolean) => void }) {
  return (
    <Tooltip label={isWrapped ? "Do not wrap long lines" : "Wrap long lines"}>
      <ActionIcon size="sm" aria-label="Wrap long lines" aria-pressed={isWrapped} onClick={() => onChange(!isWrapped)}>
        <IconTextWrap size={15} color={isWrapped ? "var(--ag-accent)" : undefined} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
