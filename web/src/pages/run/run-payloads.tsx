import { Button, Group } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useId } from "react";
import type { Run } from "@/api/shapes";
import { Loaded } from "@/components/notices";
import { ErrorView } from "@/components/payload/error-view";
import { PayloadView } from "@/components/payload/payload-view";
import classes from "./run-payloads.module.css";
import type { PayloadName } from "./search";
import { useRunPayloads } from "./use-run";

interface RunPayloadsProps {
  run: Run;
  asked: PayloadName | undefined;
  onAsk: (name: PayloadName | undefined) => void;
}

const NAMES = ["error", "input", "output", "attributes"] as const satisfies readonly PayloadName[];
const LABELS = { error: "Error", input: "Input", output: "Output", attributes: "Attributes" } as const;

/** What the run itself got and gave, and what it failed of. A failed one says so without being asked. */
export function RunPayloads({ run, asked, onAsk }: RunPayloadsProps) {
  const id = useId();
  const byItself: PayloadName = run.status === "FAILED" ? "error" : "none";
  const shown = asked ?? byItself;
  const query = useRunPayloads(run.id, shown !== "none");
  const toggle = (name: PayloadName) => {
    const next = shown === name ? "none" : name;
    onAsk(next === byItself ? undefined : next);
  };
  return (
    <div>
      <Group gap={4} ml={-8}>
        {NAMES.filter((name) => name !== "error" || run.status === "FAILED" || asked === "error").map((name) => {
          const Chevron = shown === name ? IconChevronDown : IconChevronRight;
          return (
            <Button
              key={name}
              variant="subtle"
              size="compact-xs"
              color="gray"
              c={name === "error" ? "var(--ag-danger)" : "var(--ag-text)"}
              leftSection={<Chevron size={13} aria-hidden />}
              aria-expanded={shown === name}
              aria-controls={id}
              onClick={() => toggle(name)}
            >
              {LABELS[name]}
            </Button>
          );
        })}
      </Group>
      <div id={id} className={shown === "none" ? undefined : classes.payload} data-kind={shown}>
        {shown !== "none" && (
          <Loaded query={query} height={60}>
            {(found) =>
              shown === "error" && isThere(found.error) ? (
                <ErrorView error={found.error} />
              ) : (
                <PayloadView label={LABELS[shown]} value={found[shown]} />
              )
            }
          </Loaded>
        )}
      </div>
    </div>
  );
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}
