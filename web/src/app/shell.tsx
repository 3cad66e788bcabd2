import { AppShell, Burger, Group, NavLink, ScrollArea, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconActivity,
  IconArrowsSplit2,
  IconLayoutDashboard,
  IconListDetails,
  IconMessages,
  IconRobot,
  IconSend,
  IconSettings,
  IconTool,
  IconUsers,
} from "@tabler/icons-react";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { AccountMenu } from "./account-menu";
import { Freshness } from "./freshness";
import { ProjectPicker } from "./project-picker";
import { useSession } from "./session";
import classes from "./shell.module.css";
import { ThemeToggle } from "./theme-toggle";

const PAGES = [
  { to: "/", label: "Overview", Icon: IconLayoutDashboard },
  { to: "/runs", label: "Runs", Icon: IconListDetails },
  { to: "/agents", label: "Agents", Icon: IconRobot },
  { to: "/tools", label: "Tools", Icon: IconTool },
  { to: "/sessions", label: "Sessions", Icon: IconMessages },
  { to: "/users", label: "Users", Icon: IconUsers },
  { to: "/compare", label: "Compare", Icon: IconArrowsSplit2 },
] as const;
const UPKEEP = [
  { to: "/pipeline", label: "Pipeline", Icon: IconActivity },
  { to: "/settings", label: "Settings", Icon: IconSettings },
  { to: "/start", label: "Send a trace", Icon: IconSend },
] as const;

type Place = (typeof PAGES)[number] | (typeof UPKEEP)[number];

/** What stands around every page: where one can go, how fresh the data is, who one is. */
export function Shell() {
  const [isOpen, menu] = useDisclosure(false);
  const { pathname } = useLocation();
  const { project } = useSession();
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone the menu closes when one has gone somewhere
  useEffect(() => menu.close(), [pathname]);
  return (
    <AppShell
      header={{ height: 44 }}
      navbar={{ width: 168, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding="sm"
      classNames={{ main: classes.main, header: classes.header, navbar: classes.navbar }}
    >
      <a href="#content" className={classes.skip}>
        Skip to content
      </a>
      <AppShell.Header>
        <Group h="100%" px="sm" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Link to="/" className={classes.brand} aria-label="AgentGuide">
              <img src="/favicon.svg" width={20} height={20} alt="" />
              <Text component="span" fw={650} visibleFrom="xs">
                AgentGuide
              </Text>
            </Link>
            <ProjectPicker />
          </Group>
          <Group gap={6} wrap="nowrap">
            <Freshness />
            <ThemeToggle />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p={6} aria-label="Pages">
        <AppShell.Section grow component={ScrollArea}>
          {PAGES.map((place) => (
            <PlaceLink key={place.to} place={place} pathname={pathname} />
          ))}
        </AppShell.Section>
        <AppShell.Section>
          {UPKEEP.map((place) => (
            <PlaceLink key={place.to} place={place} pathname={pathname} />
          ))}
        </AppShell.Section>
      </AppShell.Navbar>
      {/* another project is another world: nothing of the last one may stay */}
      <AppShell.Main id="content" tabIndex={-1} key={project.slug}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function PlaceLink({ place, pathname }: { place: Place; pathname: string }) {
  const { to, label, Icon } = place;
  const isActive = to === "/" ? pathname === "/" : pathname === to || pathname.startsWith(`${to}/`);
  return (
    <NavLink
      component={Link}
      to={to}
      label={label}
      active={isActive}
      aria-current={isActive ? "page" : undefined}
      leftSection={<Icon size={16} stroke={1.7} aria-hidden />}
      className={classes.place}
    />
  );
}
