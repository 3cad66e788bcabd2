import { Button, Divider, Group, Popover, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { IconCalendar, IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { isMoving, iso, RANGE_NAMES, RANGES, type RangeName, type RangeSearch, type Window } from "@/lib/time-range";
import { localTime } from "@/lib/time-text";
import classes from "./time-range-picker.module.css";

interface TimeRangePickerProps {
  value: RangeSearch;
  /** What is shown where nothing is chosen; undefined is all time. */
  otherwise?: RangeName;
  onChange: (range: RangeSearch) => void;
}

/** Which window is shown: one that moves on with time, or from one moment to another. */
export function TimeRangePicker({ value, otherwise, onChange }: TimeRangePickerProps) {
  const [isOpen, setOpen] = useState(false);
  const choose = (range: RangeSearch) => {
    setOpen(false);
    onChange(range);
  };
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" shadow="md" width={260} trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconCalendar size={14} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          onClick={() => setOpen(!isOpen)}
        >
          {labelOf(value, otherwise)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label="Window of time">
        <Text size="xs" c="dimmed" px={8} py={4}>
          Last
        </Text>
        {otherwise === undefined && (
          <UnstyledButton className={classes.choice} onClick={() => choose({})}>
            All time
          </UnstyledButton>
        )}
        {RANGE_NAMES.map((name) => (
          <UnstyledButton
            key={name}
            className={classes.choice}
            onClick={() => choose({ range: name })}
            aria-current={value.range === name || undefined}
          >
            {RANGES[name].label}
          </UnstyledButton>
        ))}
        <Divider my={4} />
        <FromTo value={value} onChange={choose} />
      </Popover.Dropdown>
    </Popover>
  );
}

function FromTo({ value, onChange }: { value: RangeSearch; onChange: (range: Window) => void }) {
  const [from, setFrom] = useState(inputOf(value.from));
  const [to, setTo] = useState(inputOf(value.to));
  const isValid = from !== "" && to !== "" && from < to;
  return (
    <Stack gap="xs" p="xs">
      <TextInput
        type="datetime-local"
        label="From"
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        type="datetime-local"
        label="To"
        value={to}
        error={from && to && from >= to ? "Has to be after “from”" : undefined}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          In your own time zone
        </Text>
        <Button disabled={!isValid} onClick={() => onChange({ from: iso(new Date(from)), to: iso(new Date(to)) })}>
          Show
        </Button>
      </Group>
    </Stack>
  );
}

function labelOf(value: RangeSearch, otherwise: RangeName | undefined): string {
  if (!isMoving(value) && value.from && value.to) return `${localTime(value.from)} – ${localTime(value.to)}`;
  const name = value.range ?? otherwise;
  return name === undefined ? "All time" : `Last ${RANGES[name].label}`;
}

/** A moment as `datetime-local` has it: local, without a zone. */
function inputOf(moment: string | undefined): string {
  if (!moment) return "";
  const date = new Date(moment);
  return iso(date.getTime() - date.getTimezoneOffset() * 60_000).slice(0, 16);
}
