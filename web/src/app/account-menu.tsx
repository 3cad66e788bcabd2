import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBook, IconLogout, IconUser } from "@tabler/icons-react";
import { answer, api } from "@/api/client";
import { useSession } from "./session";

async function signOut(everywhere: boolean): Promise<void> {
  try {
    await answer(api.DELETE("/v1/session", { params: { query: { everywhere } } }));
    window.location.assign("/sign-in");
  } catch (error) {
    notifications.show({
      color: "red",
      title: "Still signed in",
      message: error instanceof Error ? error.message : "",
    });
  }
}

export function AccountMenu() {
  const { user, isOperator, project } = useSession();
  return (
    <Menu width={240}>
      <Menu.Target>
        <ActionIcon aria-label="Account and help">
          <IconUser size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {user ? (
            <>
              {user.name || user.email}
              <br />
              {isOperator ? "Operator" : `${project.role} in ${project.slug}`}
            </>
          ) : (
            "On this machine nobody has to sign in"
          )}
        </Menu.Label>
        <Menu.Item component="a" href="/docs" leftSection={<IconBook size={15} aria-hidden />}>
          API reference
        </Menu.Item>
        {user && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<IconLogout size={15} aria-hidden />} onClick={() => signOut(false)}>
              Sign out
            </Menu.Item>
            <Menu.Item onClick={() => signOut(true)}>Sign out in all browsers</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
