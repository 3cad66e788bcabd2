import type { WholeStep } from "@/api/shapes";
import { CopyButton } from "@/components/copy-button";
import { writeJson } from "@/components/payload/json";
import { RawJson } from "@/components/payload/payload-view";
import classes from "./step-panel.module.css";

/** The step as the API answers it. */
export function RawTab({ step }: { step: WholeStep }) {
  return (
    <div className={classes.raw}>
      <span className={classes.rawCopy}>
        <CopyButton text={() => writeJson(step, 2)} label="Copy the step as JSON" />
      </span>
      <RawJson label="The step as JSON" value={step} />
    </div>
  );
}
