import { DataTable } from "@/components/data-table";
import { formatCount, formatDuration } from "@/lib/format";
import type { DurationBucket } from "./bins";

interface HistogramTableProps {
  label: string;
  bins: readonly DurationBucket[];
  height: number;
}

export function HistogramTable({ label, bins, height }: HistogramTableProps) {
  return (
    <DataTable
      label={label}
      maxHeight={height}
      rows={bins.filter(({ count }) => count > 0)}
      rowKey={({ fromMs }) => fromMs}
      columns={[
        { key: "from", header: "From", align: "right", render: ({ fromMs }) => formatDuration(fromMs) },
        { key: "to", header: "To", align: "right", render: ({ toMs }) => formatDuration(toMs) },
        { key: "count", header: "Count", align: "right", render: ({ count }) => formatCount(count) },
      ]}
    />
  );
}
