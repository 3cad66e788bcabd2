import { Alert } from "@mantine/core";
import { useSession } from "@/app/session";
import { Page } from "@/components/page";
import { DeadLetters } from "./dead-letters";
import { ServerFigures } from "./server-figures";

/** What happens between an event's acceptance and its row, and what could not become one. */
export function PipelinePage() {
  const { isOperator } = useSession();
  return (
    <Page title="Pipeline">
      {isOperator ? (
        <ServerFigures />
      ) : (
        <Alert color="gray" styles={{ message: { color: "var(--ag-text)" } }}>
          Rates, queues and workers are of the whole server, and shown to operators. How fresh your project's data is
          stands at the top of every page.
        </Alert>
      )}
      <DeadLetters />
    </Page>
  );
}
