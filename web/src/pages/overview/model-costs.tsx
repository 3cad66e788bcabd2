import { Link } from "@tanstack/react-router";
import type { ModelFigures } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Loaded } from "@/components/notices";
import { Panel } from "@/components/panel";
import { formatCost, formatShort } from "@/lib/format";
import { coveredHint } from "./covered";
import { runsBehind } from "./links";
import classes from "./page.module.css";
import type { PartProps } from "./part";
import type { OverviewSearch } from "./search";

export function ModelCosts({ figures, search }: PartProps) {
  return (
    <Panel title="Tokens and cost by model" hint={coveredHint(figures.models.data?.window)} className={classes.third}>
      <Loaded query={figures.models} height={214}>
        {({ models }) =>
          models.length === 0 ? (
            <p className={classes.none}>No step of this window names a model</p>
          ) : (
            <DataTable
              label="Tokens and cost by model"
              columns={columnsOf(search)}
              rows={models.toSorted((one, other) => other.costUsd - one.costUsd)}
              rowKey={({ model }) => model}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function columnsOf(search: OverviewSearch): Column<ModelFigures>[] {
  return [
    {
      key: "model",
      header: "Model",
      width: "100%",
      render: ({ model }) => (
        <Link to="/runs" search={runsBehind(search, { model: [model] })} title={model} className={classes.message}>
          {model}
        </Link>
      ),
    },
    {
      key: "in",
      header: "In",
      hint: "Input tokens",
      align: "right",
      render: (row) => <Tokens search={search} model={row.model} count={row.inputTokens} />,
    },
    {
      key: "out",
      header: "Out",
      hint: "Output tokens",
      align: "right",
      render: (row) => <Tokens search={search} model={row.model} count={row.outputTokens} />,
    },
    {
      key: "cost",
      header: "Cost",
      align: "right",
      render: ({ model, costUsd }) => (
        <Link to="/runs" search={runsBehind(search, { model: [model], sort: "cost" })} className={classes.figure}>
          {formatCost(costUsd)}
        </Link>
      ),
    },
  ];
}

function Tokens({ search, model, count }: { search: OverviewSearch; model: string; count: number }) {
  return (
    <Link to="/runs" search={runsBehind(search, { model: [model] })} className={classes.figure}>
      {formatShort(count)}
    </Link>
  );
}
