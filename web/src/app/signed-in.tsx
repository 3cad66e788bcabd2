import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError, answer, api, setCaller } from "@/api/client";
import { EmptyState, ErrorNotice } from "@/components/notices";
import { SessionProvider, sessionOf } from "./session";

const RENEW_MS = 5 * 60_000;

export const sessionQuery = {
  queryKey: ["session"],
  queryFn: () => answer(api.GET("/v1/session")),
  staleTime: RENEW_MS,
  // A session lasts fifteen minutes after its last request: a page that is open is in use.
  refetchInterval: RENEW_MS,
};

/** What is below is shown to those who may see it; others are asked to sign in. */
export function SignedIn({ children }: { children: ReactNode }) {
  const location = useLocation();
  const { project } = useSearch({ from: "__root__" });
  const session = useQuery(sessionQuery);
  if (session.error instanceof ApiError && session.error.status === 401) {
    return <Navigate to="/sign-in" search={{ next: location.href }} replace />;
  }
  if (session.data === undefined) {
    return (
      <Center h="100vh">
        {session.error ? (
          <ErrorNotice error={session.error} onRetry={session.refetch} />
        ) : (
          <Loader aria-label="Loading" />
        )}
      </Center>
    );
  }
  const found = sessionOf(session.data, project);
  if (found === undefined) {
    return (
      <Center h="100vh">
        <EmptyState title={project ? `There is no project “${project}” for you` : "You are in no project yet"}>
          {project ? <a href="/">Go to the project that you are in.</a> : "Ask an admin to make you a member of one."}
        </EmptyState>
      </Center>
    );
  }
  setCaller(found.project.slug, session.data.csrfToken ?? undefined);
  return <SessionProvider value={found}>{children}</SessionProvider>;
}
