import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useEffectEvent } from "react";
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
  const router = useRouter();
  const navigate = useNavigate();
  const { project } = useSearch({ from: "__root__" });
  const session = useQuery(sessionQuery);
  const isStranger = session.error instanceof ApiError && session.error.status === 401;
  const askToSignIn = useEffectEvent(() => {
    // Once: while the next page is still loading, the place where one is is already that of signing in.
    navigate({ to: "/sign-in", search: { next: router.latestLocation.href }, replace: true });
  });
  useEffect(() => {
    if (isStranger) askToSignIn();
  }, [isStranger]);
  if (session.data === undefined || isStranger) {
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
