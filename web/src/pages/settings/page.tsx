import { Tabs } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useSession } from "@/app/session";
import { EmptyState } from "@/components/notices";
import { Page } from "@/components/page";
import { AccountPart } from "./account-part";
import { KeysPart } from "./keys-part";
import { MembersPart } from "./members-part";
import { ProjectPart } from "./project-part";
import { ProjectsPart } from "./projects-part";

const PARTS = [
  { key: "project", label: "Project", Part: ProjectPart, forWhom: "isAdmin" },
  { key: "keys", label: "API keys", Part: KeysPart, forWhom: "isAdmin" },
  { key: "members", label: "Members", Part: MembersPart, forWhom: "isAdmin" },
  { key: "projects", label: "All projects", Part: ProjectsPart, forWhom: "isOperator" },
  { key: "account", label: "Your account", Part: AccountPart, forWhom: "user" },
] as const;

/** Settings, each part under an address of its own. What one may not change is not shown. */
export function SettingsPage() {
  const session = useSession();
  const navigate = useNavigate();
  const { part } = useParams({ strict: false });
  const shown = PARTS.filter(({ forWhom }) => Boolean(session[forWhom]));
  const current = shown.find(({ key }) => key === part) ?? shown[0];
  return (
    <Page title="Settings">
      {current === undefined ? (
        <EmptyState title="Nothing to set here">Settings of a project are for its admins.</EmptyState>
      ) : (
        <Tabs
          value={current.key}
          onChange={(key) => key && navigate({ to: "/settings/$part", params: { part: key } })}
          keepMounted={false}
        >
          <Tabs.List mb="sm">
            {shown.map(({ key, label }) => (
              <Tabs.Tab key={key} value={key}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {shown.map(({ key, Part }) => (
            <Tabs.Panel key={key} value={key}>
              <Part />
            </Tabs.Panel>
          ))}
        </Tabs>
      )}
    </Page>
  );
}
