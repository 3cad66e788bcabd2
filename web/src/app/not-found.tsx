import { Center } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/notices";

export function NotFound() {
  return (
    <Center h="100vh">
      <EmptyState title="There is no such page">
        <Link to="/">Go to the overview.</Link>
      </EmptyState>
    </Center>
  );
}
