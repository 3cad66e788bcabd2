import { Badge, Button, Group, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answer, api } from "@/api/client";
import type { User } from "@/api/shapes";
import { type Role, useSession } from "@/app/session";
import { ConfirmButton } from "@/components/confirm-button";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { useChange } from "./use-change";

const MEMBERS = ["members"] as const;
const ROLES: { value: Role; label: string }[] = [
  { value: "viewer", label: "Viewer" },
  { value: "editor", label: "Editor" },
  { value: "admin", label: "Admin" },
];

/** Who may look at this project, and what they may do. */
export function MembersPart() {
  const { project, user } = useSession();
  const members = useQuery({
    queryKey: MEMBERS,
    queryFn: ({ signal }) => answer(api.GET("/v1/users", { signal })),
    select: (page) => page.items,
  });
  const setRole = useChange({
    change: ({ id, role }: { id: number; role: Role }) =>
      answer(api.PATCH("/v1/users/{user_id}", { params: { path: { user_id: id } }, body: { role } })),
    done: "The role is changed.",
    shown: MEMBERS,
  });
  const remove = useChange({
    change: (id: number) => answer(api.DELETE("/v1/users/{user_id}", { params: { path: { user_id: id } } })),
    done: "They are no longer a member.",
    shown: MEMBERS,
  });
  const roleOf = (member: User) => member.roles.find((one) => one.project === project.slug)?.role ?? null;
  const columns: Column<User>[] = [
    { key: "name", header: "Name", render: (member) => member.name || "–" },
    { key: "email", header: "E-mail", render: (member) => member.email },
    {
      key: "role",
      header: "Role",
      width: 130,
      render: (member) => (
        <Select
          aria-label={`Role of ${member.email}`}
          data={ROLES}
          value={roleOf(member)}
          allowDeselect={false}
          onChange={(role) => role && setRole.mutate({ id: member.id, role })}
        />
      ),
    },
    { key: "state", header: "", render: (member) => <Marks member={member} /> },
    { key: "since", header: "Since", render: (member) => <Time value={member.createdAt} /> },
    {
      key: "actions",
      header: "",
      align: "right",
      render: (member) =>
        member.id !== user?.id && (
          <ConfirmButton
            label="Remove"
            question={`Take ${member.email} out of ${project.slug}? Their user and the keys they made stay.`}
            onConfirm={() => remove.mutate(member.id)}
          />
        ),
    },
  ];
  return (
    <Panel title="Members" hint={`of ${project.name || project.slug}`} actions={<NewMember />}>
      <Loaded query={members}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState title="Nobody is a member yet">Add somebody by their e-mail address.</EmptyState>
          ) : (
            <DataTable label="Members" columns={columns} rows={all} rowKey={(member) => member.id} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Marks({ member }: { member: User }) {
  return (
    <Group gap={4} wrap="nowrap">
      {member.isOperator && <Badge>Operator</Badge>}
      {member.isDisabled && <Badge color="red">Disabled</Badge>}
      {!member.hasPassword && (
        <Badge color="gray" title="An operator gives one: agentguide users set-password EMAIL">
          Cannot sign in yet
        </Badge>
      )}
    </Group>
  );
}

function NewMember() {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const add = useChange({
    change: () => answer(api.POST("/v1/users", { body: { email: email.trim(), role, isOperator: false } })),
    done: "They are a member now.",
    shown: MEMBERS,
    onDone: () => setEmail(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(undefined);
  };
  return (
    <form onSubmit={submit}>
      <Group gap={4}>
        <TextInput
          aria-label="E-mail of a new member"
          placeholder="name@example.com"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <Select
          aria-label="Role of the new member"
          w={100}
          data={ROLES}
          value={role}
          allowDeselect={false}
          onChange={(value) => value && setRole(value)}
        />
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </Group>
    </form>
  );
}
