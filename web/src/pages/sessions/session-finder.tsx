import { Autocomplete } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useState } from "react";
import { answer, api } from "@/api/client";
import { placeOfSession } from "@/lib/places";

const TYPING_MS = 200;

/** The way to a session whose id one knows, or how it begins. */
export function SessionFinder() {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [prefix] = useDebouncedValue(text, TYPING_MS);
  const found = useQuery({
    queryKey: ["sessions", "found", prefix],
    queryFn: ({ signal }) => {
      const query = { field: "session" as const, prefix };
      return answer(api.GET("/v1/runs/values", { params: { query }, signal }));
    },
    enabled: prefix !== "",
  });
  const open = (id: string) => {
    if (id !== "") navigate({ to: "/sessions/$sessionId", ...placeOfSession(id) });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    // With an option chosen the list itself answers.
    if (event.key === "Enter" && !event.currentTarget.getAttribute("aria-activedescendant")) open(text.trim());
  };
  return (
    <Autocomplete
      size="xs"
      w={{ base: "100%", sm: 260 }}
      aria-label="Find a session by its id"
      placeholder="Find a session by its id"
      value={text}
      onChange={setText}
      onOptionSubmit={open}
      onKeyDown={onKeyDown}
      data={prefix === "" ? [] : [...new Set(found.data?.items)]}
      filter={({ options }) => options}
    />
  );
}
