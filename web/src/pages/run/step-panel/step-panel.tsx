import { Stack, Tabs } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useId, useMemo } from "react";
import type { Run, WholeStep } from "@/api/shapes";
import { Loaded } from "@/components/notices";
import { ArtifactView } from "@/components/payload/artifact-view";
import { ConversationView } from "@/components/payload/conversation-view";
import { ErrorView } from "@/components/payload/error-view";
import { PayloadView } from "@/components/payload/payload-view";
import { STEP_TABS, type StepTab } from "../search";
import type { StepRow } from "../steps";
import { AttributesTable } from "./attributes-table";
import { RawTab } from "./raw-tab";
import { StepHeader } from "./step-header";
import classes from "./step-panel.module.css";
import { chosenTab, conversationOfStep, tabsOf } from "./tabs";
import { useStep } from "./use-step";

const route = getRouteApi("/signed-in/runs/$runId");

interface StepPanelProps {
  run: Run;
  step: StepRow;
  onSelect: (stepId: string) => void;
  onClose: () => void;
}

/** The step that was chosen: what it got and gave, what went wrong, and all else that it said. */
export function StepPanel({ run, step, onSelect, onClose }: StepPanelProps) {
  const id = useId();
  const query = useStep(run, step);
  return (
    <section className={classes.panel} aria-labelledby={id}>
      <StepHeader titleId={id} run={run} step={query.data ?? step} onSelect={onSelect} onClose={onClose} />
      <Loaded query={query} height={220}>
        {(whole) => <StepTabs key={whole.id} step={whole} />}
      </Loaded>
    </section>
  );
}

function StepTabs({ step }: { step: WholeStep }) {
  const { tab: asked } = route.useSearch();
  const navigate = route.useNavigate();
  const conversation = useMemo(() => conversationOfStep(step), [step]);
  const tabs = tabsOf(step, conversation !== undefined);
  const chosen = chosenTab(tabs, asked);
  const choose = (key: string | null) => {
    const tab = STEP_TABS.find((one) => one === key);
    navigate({ search: (old) => ({ ...old, tab: tab === tabs[0]?.key ? undefined : tab }) });
  };
  return (
    <Tabs value={chosen} onChange={choose} keepMounted={false} classNames={{ tab: classes.tab, list: classes.tabs }}>
      <Tabs.List aria-label="Of this step">
        {tabs.map(({ key, label, count }) => (
          <Tabs.Tab key={key} value={key}>
            {label}
            {count !== undefined && <span className={classes.count}>{count}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map(({ key }) => (
        <Tabs.Panel key={key} value={key} pt="sm">
          <TabContent tab={key} step={step} conversation={conversation} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

interface TabContentProps {
  tab: StepTab;
  step: WholeStep;
  conversation: ReturnType<typeof conversationOfStep>;
}

function TabContent({ tab, step, conversation }: TabContentProps) {
  switch (tab) {
    case "error":
      return <ErrorView error={step.error} />;
    case "conversation":
      return conversation ? <ConversationView conversation={conversation} /> : null;
    case "io":
      return (
        <div>
          <PayloadView label="Input" value={step.input} />
          <PayloadView label="Output" value={step.output} />
        </div>
      );
    case "artifacts":
      return (
        <Stack gap="sm">
          {step.artifacts.map((artifact) => (
            <ArtifactView key={artifact.id} runId={step.runId} artifact={artifact} />
          ))}
        </Stack>
      );
    case "attributes":
      return <AttributesTable attributes={step.attributes ?? {}} />;
    case "raw":
      return <RawTab step={step} />;
  }
}
