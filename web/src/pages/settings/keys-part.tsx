import { Badge, Button, Group, Switch, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "@/api/client";
import type { Key } from "@/api/shapes";
import { ConfirmButton } from "@/components/confirm-button";
import { type Column, DataTable } from "@/components/data-table";
import { EmptyState, Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { Time } from "@/components/time";
import { formatBytes, formatCount } from "@/lib/format";
import { NewKeyDialog } from "./new-key-dialog";
import { useChange } from "./use-change";

export const KEYS = ["keys"] as const;

/** The project's API keys: who may send and read by program. */
export function KeysPart() {
  const [withEnded, setWithEnded] = useState(false);
  const [isOpen, dialog] = useDisclosure(false);
  const keys = useQuery({
    queryKey: KEYS,
    queryFn: ({ signal }) => answer(api.GET("/v1/keys", { signal })),
    select: (page) => page.items,
  });
  const revoke = useChange({
    change: (id: number) => answer(api.DELETE("/v1/keys/{key_id}", { params: { path: { key_id: id } } })),
    done: "The key is revoked. Every process refuses it within five seconds.",
    shown: KEYS,
  });
  return (
    <Panel
      title="API keys"
      hint="Programs send one as Authorization: Bearer ag_…"
      actions={
        <>
          <Switch
            label="Show ended keys"
            checked={withEnded}
            onChange={(event) => setWithEnded(event.currentTarget.checked)}
          />
          <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={dialog.open}>
            New key
          </Button>
        </>
      }
    >
      <NewKeyDialog isOpen={isOpen} onClose={dialog.close} />
      <Loaded query={keys}>
        {(all) => {
          const shown = withEnded ? all : all.filter((key) => stateOf(key) === "active");
          return shown.length === 0 ? (
            <EmptyState title="No key is in use">
              Make one with the scope “ingest” for the programs that send.
            </EmptyState>
          ) : (
            <DataTable label="API keys" columns={columns(revoke.mutate)} rows={shown} rowKey={(key) => key.id} />
          );
        }}
      </Loaded>
    </Panel>
  );
}

function columns(revoke: (id: number) => void): Column<Key>[] {
  return [
    { key: "name", header: "Name", render: (key) => key.name },
    { key: "prefix", header: "Begins with", render: (key) => <code>ag_{key.prefix}_…</code> },
    {
      key: "scopes",
      header: "Scopes",
      render: (key) => (
        <Group gap={4} wrap="nowrap">
          {key.scopes.map((scope) => (
            <Badge key={scope} color="gray">
              {scope}
            </Badge>
          ))}
        </Group>
      ),
    },
    { key: "limits", header: "Limits", render: (key) => limitsOf(key) },
    { key: "created", header: "Made", render: (key) => <Time value={key.createdAt} /> },
    {
      key: "used",
      header: "Last used",
      render: (key) => (key.lastUsedAt ? <Time value={key.lastUsedAt} relative /> : "never"),
    },
    {
      key: "ends",
      header: "Ends",
      render: (key) =>
        key.revokedAt ? (
          <Text size="sm" c="var(--ag-danger)">
            revoked <Time value={key.revokedAt} />
          </Text>
        ) : key.expiresAt ? (
          <Time value={key.expiresAt} />
        ) : (
          "never"
        ),
    },
    {
      key: "actions",
      header: "",
      align: "right",
      render: (key) =>
        stateOf(key) === "active" && (
          <ConfirmButton
            label="Revoke"
            question={`Revoke “${key.name}”? Programs that use it are refused from then on. This cannot be undone.`}
            onConfirm={() => revoke(key.id)}
          />
        ),
    },
  ];
}

function stateOf(key: Key): "active" | "ended" {
  const hasExpired = key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now();
  return key.revokedAt !== null || hasExpired ? "ended" : "active";
}

function limitsOf(key: Key): string {
  const limits = [
    key.eventsPerSecond !== null && `${formatCount(key.eventsPerSecond)} events/s`,
    key.bytesPerSecond !== null && `${formatBytes(key.bytesPerSecond)}/s`,
  ].filter(Boolean);
  return limits.length > 0 ? limits.join(", ") : "of the project";
}
