import { Alert, Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError, answer, api } from "@/api/client";

/** Where one says who one is. Afterwards the page is loaded anew, so that nothing of anybody else is left in it. */
export function SignInPage() {
  const { next } = useSearch({ from: "/sign-in" });
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const queryClient = useQueryClient();
  const signIn = useMutation({
    mutationFn: () => answer(api.POST("/v1/session", { body: { email: email.trim(), password } })),
    onSuccess: () => {
      queryClient.clear();
      window.location.assign(next ?? "/");
    },
    onError: () => setPassword(""),
  });
  useEffect(() => {
    document.title = "Sign in · AgentGuide";
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={360}>
        <form onSubmit={submit}>
          <Stack>
            <img src="/favicon.svg" width={32} height={32} alt="" />
            <Title order={1}>Sign in to AgentGuide</Title>
            {signIn.error && (
              <Alert color="red" role="alert" styles={{ message: { color: "var(--ag-danger)" } }}>
                {refusal(signIn.error)}
              </Alert>
            )}
            <TextInput
              label="E-mail"
              size="sm"
              name="email"
              // Addresses such as admin@localhost are no e-mail addresses to a browser.
              type="text"
              inputMode="email"
              autoComplete="username"
              autoFocus
              required
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              size="sm"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" size="sm" loading={signIn.isPending}>
              Sign in
            </Button>
            <Text size="xs" c="dimmed">
              No password, or forgotten? An operator gives a new one: <code>agentguide users set-password EMAIL</code>.
              The first admin's was printed when the server first started.
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}

function refusal(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  if (error.code === "too_many_attempts" && error.retryAfter) {
    return `${error.message} Try again in ${Math.ceil(error.retryAfter / 60)} min.`;
  }
  return error.message;
}
