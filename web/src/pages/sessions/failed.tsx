import { formatCount } from "@/lib/format";

/** How many failed: it stands out unless it is none. */
export function Failed({ count }: { count: number }) {
  return <span style={{ color: count > 0 ? "var(--ag-danger)" : "var(--ag-dimmed)" }}>{formatCount(count)}</span>;
}
