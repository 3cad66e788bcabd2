import { IconAlertCircle, IconCircleCheck, IconCircleMinus, IconClock, IconPlayerPlay } from "@tabler/icons-react";
import type { RunStatus } from "@/api/shapes";
import classes from "./status-badge.module.css";

const LOOKS = {
  SUCCESS: { label: "Success", Icon: IconCircleCheck },
  FAILED: { label: "Failed", Icon: IconAlertCircle },
  RUNNING: { label: "Running", Icon: IconPlayerPlay },
  PENDING: { label: "Pending", Icon: IconClock },
  CANCELLED: { label: "Cancelled", Icon: IconCircleMinus },
} as const;

/** The fill of bars and areas that are of a status. */
export const STATUS_FILL: Record<RunStatus, string> = {
  SUCCESS: "var(--ag-fill-success)",
  FAILED: "var(--ag-fill-danger)",
  RUNNING: "var(--ag-fill-running)",
  PENDING: "var(--ag-fill-pending)",
  CANCELLED: "var(--ag-fill-cancelled)",
};

export function statusLabel(status: RunStatus): string {
  return LOOKS[status].label;
}

/** A status by colour, sign and word, as not everybody sees colours. `compact` leaves the word to the tooltip. */
export function StatusBadge({ status, compact = false }: { status: RunStatus; compact?: boolean }) {
  const { label, Icon } = LOOKS[status];
  return (
    <span
      className={classes.badge}
      data-status={status}
      data-compact={compact || undefined}
      title={compact ? label : undefined}
    >
      <Icon size={14} aria-hidden />
      <span className={compact ? classes.hidden : undefined}>{label}</span>
    </span>
  );
}
