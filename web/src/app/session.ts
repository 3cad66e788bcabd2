/** Who looks at the dashboard, in which project, and what they may do there. */
import { createContext, use } from "react";
import type { components } from "@/api/schema";

export type SessionAnswer = components["schemas"]["BrowserSession"];
export type Role = "viewer" | "editor" | "admin";

export interface Session {
  user: SessionAnswer["user"];
  projects: SessionAnswer["projects"];
  project: SessionAnswer["projects"][number];
  authRequired: boolean;
  /** Where agents send to. */
  ingestUrl: string;
  /** May change what is stored: replay or discard a dead letter, delete runs. */
  canEdit: boolean;
  /** May change keys, members and settings of the project. */
  isAdmin: boolean;
  /** May do everything in every project, and sees the figures of the whole server. */
  isOperator: boolean;
}

const SessionContext = createContext<Session | undefined>(undefined);
export const SessionProvider = SessionContext.Provider;

/** Only below `SignedIn`. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (session === undefined) throw new Error("There is no session outside of SignedIn.");
  return session;
}

/** Undefined where the URL names a project that is not theirs, or they have none. */
export function sessionOf(found: SessionAnswer, slug: string | undefined): Session | undefined {
  const project = slug === undefined ? defaultProject(found) : found.projects.find((one) => one.slug === slug);
  if (project === undefined) return undefined;
  const everything = found.user === null || found.user.isOperator;
  const isAdmin = everything || project.role === "admin";
  return {
    user: found.user,
    projects: found.projects,
    project,
    authRequired: found.authRequired,
    ingestUrl: found.ingestUrl ?? window.location.origin,
    canEdit: isAdmin || project.role === "editor",
    isAdmin,
    isOperator: everything,
  };
}

/** The server's own choice where no project is named. */
function defaultProject(found: SessionAnswer): SessionAnswer["projects"][number] | undefined {
  return found.projects.find((one) => one.slug === "default") ?? found.projects[0];
}
