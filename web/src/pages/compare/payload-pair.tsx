import { SegmentedControl, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { ErrorView } from "@/components/payload/error-view";
import { PayloadView } from "@/components/payload/payload-view";
import { ordered } from "./compared-step";
import { DiffTable } from "./diff-table";
import classes from "./payload-pair.module.css";

type PayloadName = "input" | "output" | "error";
const LABELS: Record<PayloadName, string> = { input: "Input", output: "Output", error: "Error" };

interface PayloadPairProps {
  name: PayloadName;
  /** Undefined where there is no such step; null where it carries nothing. */
  a: unknown;
  b: unknown;
}

/** An input, output or error of both sides: what differs, or what both or only one have. */
export function PayloadPair({ name, a, b }: PayloadPairProps) {
  const isSame = useMemo(() => ordered(a) === ordered(b), [a, b]);
  const [inA, inB] = [a ?? null, b ?? null];
  if (inA === null && inB === null) {
    return name === "error" ? null : (
      <Text size="sm" c="dimmed">
        No {name}.
      </Text>
    );
  }
  if (inA !== null && inB !== null && !isSame) return <BothSides name={name} a={inA} b={inB} />;
  const where = isSame ? "the same in both" : inB === null ? onlyIn("A", b) : onlyIn("B", a);
  return <OneSide name={name} where={where} value={inA ?? inB} />;
}

/** Where a side has no such step at all, the row says so already. */
function onlyIn(name: "A" | "B", other: unknown): string {
  return other === undefined ? `of ${name}` : `only in ${name}`;
}

function OneSide({ name, where, value }: { name: PayloadName; where: string; value: unknown }) {
  const label = `${LABELS[name]}, ${where}`;
  if (name !== "error") return <PayloadView label={label} value={value} />;
  return (
    <div>
      <Text size="xs" c="dimmed" mb={4}>
        {label}
      </Text>
      <ErrorView error={value} />
    </div>
  );
}

type Shown = "difference" | "a" | "b";

function BothSides({ name, a, b }: Required<PayloadPairProps>) {
  const [shown, setShown] = useState<Shown>("difference");
  return (
    <div>
      <div className={classes.head}>
        {shown === "difference" && <h3 className={classes.label}>{LABELS[name]}</h3>}
        <SegmentedControl
          size="xs"
          className={classes.modes}
          aria-label={`Which ${name} is shown`}
          value={shown}
          onChange={setShown}
          data={[
            { value: "difference", label: "Differences" },
            { value: "a", label: "A" },
            { value: "b", label: "B" },
          ]}
        />
      </div>
      {shown === "difference" ? (
        <DiffTable label={`Differences of the ${name}`} a={a} b={b} />
      ) : (
        <OneSide name={name} where={`of ${shown.toUpperCase()}`} value={shown === "a" ? a : b} />
      )}
    </div>
  );
}
