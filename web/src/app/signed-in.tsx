import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useEffectEvent, useState } from "react";
import { ApiError, answer, api, setCaller } from "@/api/client";
import { EmptyState, ErrorNotice } from "@/components/notices";
import { SESSION_KEY } from "./query-client";
import { type Session, SessionProvider, sessionOf } from "./session";

const RENEW_MS = 5 * 60_000;

const sessionQuery = {
  queryKey: SESSION_KEY,
  queryFn: () => answer(api.GET("/v1/session")),
  // A session lasts fifteen minutes after its last request: a page that is open is in use. It is also looked at whenever
  // one comes back to the page, as in another window somebody else may have signed in.
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
  return <OfOne session={found}>{children}</OfOne>;
}

/**
 * What is below, as long as it is of the same user and project.
 *
 * In another window somebody else may have signed in, or a membership may have ended: then the page is loaded anew, as for
 * any other change of them, so that nothing of before stays to be seen.
 */
function OfOne({ session, children }: { session: Session; children: ReactNode }) {
  const whose = JSON.stringify([session.user?.id ?? null, session.project.slug]);
  const [first] = useState(whose);
  const isAnother = whose !== first;
  useEffect(() => {
    if (isAnother) window.location.reload();
  }, [isAnother]);
  return isAnother ? null : <SessionProvider value={session}>{children}</SessionProvider>;
}
