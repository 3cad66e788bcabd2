import { type Column, DataTable } from "@/components/data-table";
import type { ChartData } from "./series";
import { spanLabel } from "./time-labels";

interface ChartTableProps {
  label: string;
  data: ChartData;
  bucketMs: number;
  height: number;
  format: (value: number) => string;
}

/** The chart's figures, the latest first. */
export function ChartTable({ label, data, bucketMs, height, format }: ChartTableProps) {
  const columns: Column<number>[] = [
    {
      key: "when",
      header: "When",
      render: (index) => {
        const start = data.starts[index] ?? 0;
        return spanLabel(start, start + bucketMs);
      },
    },
    ...data.series.map(({ key, label: header, values }) => ({
      key: `value-${key}`,
      header,
      align: "right" as const,
      render: (index: number) => {
        const value = values[index] ?? null;
        return value === null ? "–" : format(value);
      },
    })),
  ];
  const rows = data.starts.map((_, index) => index).toReversed();
  return <DataTable label={label} columns={columns} rows={rows} rowKey={(index) => index} maxHeight={height} />;
}
