import { Button, Checkbox, Menu, Popover, Stack } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconColumns3, IconDownload, IconPlayerPlay, IconTerminal2 } from "@tabler/icons-react";
import { hrefOf } from "@/api/client";
import { useSession } from "@/app/session";
import { RUN_COLUMN_KEYS, RUN_COLUMNS, type RunColumnKey, USUAL_COLUMNS } from "@/components/runs-table/columns";
import type { StreamState } from "@/lib/live-source";
import { curlOf } from "./curl";
import { type RunsSearch, runsQueryOf } from "./search";
import classes from "./toolbar.module.css";

interface LiveButtonProps {
  isLive: boolean;
  state: StreamState;
  onChange: (isLive: boolean) => void;
}

const STATE_WORDS = { off: "Live", connecting: "Connecting", live: "Live", waiting: "Reconnecting" } as const;

/** Whether the list follows what happens; it can be held. */
export function LiveButton({ isLive, state, onChange }: LiveButtonProps) {
  return (
    <Button
      variant="default"
      onClick={() => onChange(!isLive)}
      title={isLive ? "Rows change as their runs do. Press to hold the list." : "The list is held. Press to follow."}
      leftSection={
        isLive ? (
          <span className={classes.dot} data-state={state} aria-hidden />
        ) : (
          <IconPlayerPlay size={13} aria-hidden />
        )
      }
      aria-pressed={isLive}
      aria-label="Live"
    >
      {isLive ? STATE_WORDS[state] : "Paused"}
    </Button>
  );
}

interface ColumnsMenuProps {
  value: readonly RunColumnKey[];
  onChange: (columns: readonly RunColumnKey[]) => void;
}

export function ColumnsMenu({ value, onChange }: ColumnsMenuProps) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        {/* a phone shows two lines a run, whatever is chosen here */}
        <Button variant="default" visibleFrom="sm" leftSection={<IconColumns3 size={14} aria-hidden />}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="sm" aria-label="Columns">
        <Checkbox.Group
          aria-label="Columns that are shown"
          value={[...value]}
          onChange={(keys) => onChange(RUN_COLUMN_KEYS.filter((key) => keys.includes(key)))}
        >
          <Stack gap={7}>
            {RUN_COLUMN_KEYS.map((key) => (
              <Checkbox key={key} size="xs" value={key} label={RUN_COLUMNS[key].header} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Button variant="default" fullWidth mt="sm" onClick={() => onChange(USUAL_COLUMNS)}>
          Usual columns
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

const FORMATS = [
  { format: "jsonl", label: "JSON Lines", hint: "with payloads" },
  { format: "csv", label: "CSV", hint: "for spreadsheets" },
  { format: "parquet", label: "Parquet", hint: "for data tools" },
] as const;

/** All runs that the filters let through, not only those that are loaded. */
export function ExportMenu({ search }: { search: RunsSearch }) {
  const { authRequired, project } = useSession();
  const clipboard = useClipboard({ timeout: 1500 });
  const copyCurl = () => {
    const query = { ...runsQueryOf(search, Date.now()), sort: search.sort };
    clipboard.copy(curlOf(new URL(hrefOf("/v1/runs", query), window.location.origin), { authRequired, project }));
  };
  return (
    <Menu width={250} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>All runs of these filters</Menu.Label>
        {FORMATS.map(({ format, label, hint }) => (
          <Menu.Item
            key={format}
            component="a"
            href={hrefOf("/v1/runs/export", { ...runsQueryOf(search, Date.now()), format })}
            download={`runs.${format}`}
          >
            {label} <span className={classes.hint}>{hint}</span>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconTerminal2 size={14} aria-hidden />} closeMenuOnClick={false} onClick={copyCurl}>
          {clipboard.error ? "The browser does not let us copy" : clipboard.copied ? "Copied" : "Copy as curl"}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
