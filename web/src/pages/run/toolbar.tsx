import { ActionIcon, Button, Group, Menu, Text, TextInput, Tooltip } from "@mantine/core";
import {
  IconAlertCircle,
  IconArrowsMaximize,
  IconChevronDown,
  IconChevronUp,
  IconKeyboard,
  IconListTree,
  IconRoute,
  IconSearch,
  IconZoomIn,
  IconZoomOut,
} from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { formatCount, plural } from "@/lib/format";
import { ordinalOf } from "./find";
import { isWhole } from "./layout";
import classes from "./toolbar.module.css";
import { zoomed } from "./use-keys";
import type { Timeline } from "./use-timeline";

const TYPED_AFTER_MS = 200;

interface ToolbarProps {
  timeline: Timeline;
  searchField: RefObject<HTMLInputElement | null>;
  onHelp: () => void;
}

export function Toolbar({ timeline, searchField, onHelp }: ToolbarProps) {
  const { search, setSearch, view, whole, setView } = timeline;
  return (
    <div className={classes.bar} role="toolbar" aria-label="Steps">
      <Search timeline={timeline} field={searchField} />
      <Failures timeline={timeline} />
      <Button
        variant="default"
        className={classes.button}
        size="compact-sm"
        leftSection={<IconRoute size={15} aria-hidden />}
        aria-pressed={search.path ?? false}
        onClick={() => setSearch({ path: search.path ? undefined : true })}
      >
        <span className={classes.word}>Critical path</span>
      </Button>
      <Group gap={0} wrap="nowrap" ml="auto">
        <Levels timeline={timeline} />
        <Tool label="Zoom out" onClick={() => setView(zoomed(timeline, 2))} disabled={isWhole(view, whole)}>
          <IconZoomOut size={16} />
        </Tool>
        <Tool label="Zoom in" onClick={() => setView(zoomed(timeline, 0.5))}>
          <IconZoomIn size={16} />
        </Tool>
        <Tool label="Fit all" onClick={() => setView(whole)} disabled={isWhole(view, whole)}>
          <IconArrowsMaximize size={16} />
        </Tool>
        <Tool label="Keys" onClick={onHelp}>
          <IconKeyboard size={17} />
        </Tool>
      </Group>
    </div>
  );
}

interface ToolProps {
  label: string;
  onClick: () => void;
  disabled?: boolean;
  children: ReactNode;
}

function Tool({ label, onClick, disabled, children }: ToolProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={onClick} aria-disabled={disabled} className={classes.tool}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

function Search({ timeline, field }: { timeline: Timeline; field: RefObject<HTMLInputElement | null> }) {
  const { search, setSearch, matches, isMatch, focusPlace } = timeline;
  const [text, setText] = useState(search.q ?? "");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => setText(search.q ?? ""), [search.q]);
  const type = (typed: string, afterMs = TYPED_AFTER_MS) => {
    setText(typed);
    clearTimeout(timer.current);
    const only = typed.trim() === "" && search.only === "matches" ? undefined : search.only;
    timer.current = setTimeout(() => setSearch({ q: typed || undefined, only }, true), afterMs);
  };
  // Enter before the matches of what was just typed are there: on to the first of them once they are.
  const isAwaited = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only new matches are waited for
  useEffect(() => {
    if (isAwaited.current) timeline.focusPlaceOf(matches, 1);
    isAwaited.current = false;
  }, [matches]);
  const onEnter = (direction: 1 | -1) => {
    if (text === (search.q ?? "")) return timeline.focusPlaceOf(matches, direction);
    isAwaited.current = true;
    type(text, 0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") onEnter(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") field.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Group gap={4} wrap="nowrap" className={classes.search}>
      <TextInput
        ref={field}
        className={classes.field}
        aria-label="Search the steps"
        placeholder="Search steps"
        title="By tool, name, kind, model or id"
        leftSection={<IconSearch size={14} aria-hidden />}
        value={text}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        maxLength={200}
        type="search"
      />
      {isMatch && (
        <>
          <Text size="xs" c="dimmed" role="status" style={{ whiteSpace: "nowrap" }}>
            {counted(ordinalOf(matches, focusPlace), matches.length, "match", "matches")}
          </Text>
          <Round places={matches} timeline={timeline} what="match" />
          <OnlyToggle timeline={timeline} only="matches" />
        </>
      )}
    </Group>
  );
}

function Failures({ timeline }: { timeline: Timeline }) {
  const { failures, focusPlace } = timeline;
  if (failures.length === 0) return null;
  return (
    <Group gap={4} wrap="nowrap">
      <Text size="xs" c="var(--ag-danger)" fw={550} className={classes.count}>
        <IconAlertCircle size={14} aria-hidden />
        {counted(ordinalOf(failures, focusPlace), failures.length, "error", "errors")}
      </Text>
      <Round places={failures} timeline={timeline} what="error" />
      <OnlyToggle timeline={timeline} only="errors" />
    </Group>
  );
}

function counted(ordinal: number, count: number, one: string, many: string): string {
  return ordinal > 0 ? `${formatCount(ordinal)} of ${plural(count, one, many)}` : plural(count, one, many);
}

function Round({ places, timeline, what }: { places: Int32Array; timeline: Timeline; what: string }) {
  return (
    <Group gap={0} wrap="nowrap">
      <Tool label={`Previous ${what}`} onClick={() => timeline.focusPlaceOf(places, -1)} disabled={places.length === 0}>
        <IconChevronUp size={16} />
      </Tool>
      <Tool label={`Next ${what}`} onClick={() => timeline.focusPlaceOf(places, 1)} disabled={places.length === 0}>
        <IconChevronDown size={16} />
      </Tool>
    </Group>
  );
}

function OnlyToggle({ timeline: { search, setSearch }, only }: { timeline: Timeline; only: "errors" | "matches" }) {
  const isOn = search.only === only;
  return (
    <Button
      variant="default"
      className={classes.button}
      size="compact-xs"
      aria-pressed={isOn}
      onClick={() => setSearch({ only: isOn ? undefined : only })}
    >
      Only these
      <span className={classes.hidden}> {only}</span>
    </Button>
  );
}

function Levels({ timeline: { setLevels, search } }: { timeline: Timeline }) {
  return (
    <Menu>
      <Menu.Target>
        <Button
          variant="default"
          className={classes.button}
          size="compact-sm"
          leftSection={<IconListTree size={15} aria-hidden />}
        >
          <span className={classes.word}>{search.level === undefined ? "Levels" : plural(search.level, "level")}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => setLevels(undefined)}>Expand all</Menu.Item>
        <Menu.Item onClick={() => setLevels(1)}>Collapse all</Menu.Item>
        <Menu.Divider />
        {[2, 3, 4, 5].map((level) => (
          <Menu.Item key={level} onClick={() => setLevels(level)}>
            Show {level} levels
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
