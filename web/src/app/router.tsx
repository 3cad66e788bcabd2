import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from "@tanstack/react-router";
import { parseSearch, stringifySearch, textOf } from "@/lib/search-params";
import { agentSearchOf, agentsSearchOf } from "@/pages/agents/search";
import { compareSearchOf } from "@/pages/compare/search";
import { overviewSearchOf } from "@/pages/overview/search";
import { pipelineSearchOf } from "@/pages/pipeline/search";
import { runSearchOf } from "@/pages/run/search";
import { runsSearchOf } from "@/pages/runs/search";
import { sessionSearchOf, sessionsSearchOf } from "@/pages/sessions/search";
import { signInSearchOf } from "@/pages/sign-in/search";
import { toolSearchOf, toolsSearchOf } from "@/pages/tools/search";
import { userSearchOf, usersSearchOf } from "@/pages/users/search";
import { CrashNotice } from "./crash-notice";
import { NotFound } from "./not-found";
import { Shell } from "./shell";
import { SignedIn } from "./signed-in";

/** Whatever page is shown, the project is that of the URL. */
interface RootSearch {
  project?: string;
}

const rootRoute = createRootRoute({
  validateSearch: (raw: Record<string, unknown>): RootSearch => {
    const project = textOf(raw.project);
    return project ? { project } : {};
  },
  search: { middlewares: [retainSearchParams<RootSearch>(["project"])] },
  notFoundComponent: NotFound,
  errorComponent: CrashNotice,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: signInSearchOf,
  component: lazyRouteComponent(() => import("@/pages/sign-in/page"), "SignInPage"),
});

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  component: () => (
    <SignedIn>
      <Shell />
    </SignedIn>
  ),
});

const pages = { getParentRoute: () => signedInRoute, errorComponent: CrashNotice };

const overviewRoute = createRoute({
  ...pages,
  path: "/",
  validateSearch: overviewSearchOf,
  component: lazyRouteComponent(() => import("@/pages/overview/page"), "OverviewPage"),
});
const runsRoute = createRoute({
  ...pages,
  path: "/runs",
  validateSearch: runsSearchOf,
  component: lazyRouteComponent(() => import("@/pages/runs/page"), "RunsPage"),
});
const runRoute = createRoute({
  ...pages,
  path: "/runs/$runId",
  validateSearch: runSearchOf,
  component: lazyRouteComponent(() => import("@/pages/run/page"), "RunPage"),
});
const compareRoute = createRoute({
  ...pages,
  path: "/compare",
  validateSearch: compareSearchOf,
  component: lazyRouteComponent(() => import("@/pages/compare/page"), "ComparePage"),
});
const agentsRoute = createRoute({
  ...pages,
  path: "/agents",
  validateSearch: agentsSearchOf,
  component: lazyRouteComponent(() => import("@/pages/agents/page"), "AgentsPage"),
});
const agentRoute = createRoute({
  ...pages,
  path: "/agents/$agentName",
  validateSearch: agentSearchOf,
  component: lazyRouteComponent(() => import("@/pages/agents/agent-page"), "AgentPage"),
});
const toolsRoute = createRoute({
  ...pages,
  path: "/tools",
  validateSearch: toolsSearchOf,
  component: lazyRouteComponent(() => import("@/pages/tools/page"), "ToolsPage"),
});
const toolRoute = createRoute({
  ...pages,
  path: "/tools/$toolName",
  validateSearch: toolSearchOf,
  component: lazyRouteComponent(() => import("@/pages/tools/tool-page"), "ToolPage"),
});
const sessionsRoute = createRoute({
  ...pages,
  path: "/sessions",
  validateSearch: sessionsSearchOf,
  component: lazyRouteComponent(() => import("@/pages/sessions/page"), "SessionsPage"),
});
const sessionRoute = createRoute({
  ...pages,
  path: "/sessions/$sessionId",
  validateSearch: sessionSearchOf,
  component: lazyRouteComponent(() => import("@/pages/sessions/session-page"), "SessionPage"),
});
const usersRoute = createRoute({
  ...pages,
  path: "/users",
  validateSearch: usersSearchOf,
  component: lazyRouteComponent(() => import("@/pages/users/page"), "UsersPage"),
});
const userRoute = createRoute({
  ...pages,
  path: "/users/$userId",
  validateSearch: userSearchOf,
  component: lazyRouteComponent(() => import("@/pages/users/user-page"), "UserPage"),
});
const pipelineRoute = createRoute({
  ...pages,
  path: "/pipeline",
  validateSearch: pipelineSearchOf,
  component: lazyRouteComponent(() => import("@/pages/pipeline/page"), "PipelinePage"),
});
const settingsRoute = createRoute({
  ...pages,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/pages/settings/page"), "SettingsPage"),
});
const settingsPartRoute = createRoute({
  ...pages,
  path: "/settings/$part",
  component: lazyRouteComponent(() => import("@/pages/settings/page"), "SettingsPage"),
});
const startRoute = createRoute({
  ...pages,
  path: "/start",
  component: lazyRouteComponent(() => import("@/pages/start/page"), "StartPage"),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    signInRoute,
    signedInRoute.addChildren([
      ...[overviewRoute, runsRoute, runRoute, compareRoute, agentsRoute, agentRoute, toolsRoute, toolRoute],
      ...[
        sessionsRoute,
        sessionRoute,
        usersRoute,
        userRoute,
        pipelineRoute,
        settingsRoute,
        settingsPartRoute,
        startRoute,
      ],
    ]),
  ]),
  parseSearch,
  stringifySearch,
  // What no page knows is nobody's: without this a value that was refused would come through as it stood in the URL.
  search: { strict: true },
  defaultPreload: "intent",
  // Data is TanStack Query's business.
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
