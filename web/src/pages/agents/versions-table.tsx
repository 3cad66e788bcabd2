import { Link } from "@tanstack/react-router";
import type { FiguresSummary } from "@/api/shapes";
import { type Column, DataTable } from "@/components/data-table";
import { Panel } from "@/components/panel";
import { NOTHING, plural } from "@/lib/format";
import { placeOfAgent } from "@/lib/places";
import { runsBehind } from "@/pages/overview/links";
import { FigureLink } from "@/pages/tools/figure-link";
import figureClasses from "@/pages/tools/figures.module.css";
import type { AgentSearch } from "./search";
import {
  type Difference,
  differenceOf,
  MEASURES,
  type Measure,
  RUNS_MIN,
  type Version,
  type Versions,
} from "./versions";
import classes from "./versions-table.module.css";

interface VersionsTableProps {
  agentName: string;
  search: AgentSearch;
  versions: Versions;
  /** By version; those that are still asked for are missing. */
  figures: ReadonlyMap<number, FiguresSummary>;
  chosen: Version | undefined;
}

/** A row a version, and how each differs from the one before. */
export function VersionsTable({ agentName, search, versions, figures, chosen }: VersionsTableProps) {
  const { shown, leftOut, idle } = versions;
  const before = new Map(shown.map(({ id }, index) => [id, shown[index + 1]]));
  const columns: Column<Version>[] = [
    {
      key: "version",
      header: "Version",
      width: "100%",
      render: (version) => (
        <Link
          to="/agents/$agentName"
          {...placeOfAgent(agentName, { ...search, agentId: [version.id] })}
          resetScroll={false}
          className={classes.version}
          title={version.version}
          aria-current={version.id === chosen?.id || undefined}
        >
          {version.version || "no version"}
        </Link>
      ),
    },
    ...MEASURES.map(
      (measure): Column<Version> => ({
        ...{ key: measure.key, header: measure.header, hint: measure.hint, align: "right" },
        render: (version) => {
          const previous = before.get(version.id);
          return (
            <Cell
              measure={measure}
              version={version}
              now={figures.get(version.id)}
              before={previous && figures.get(previous.id)}
              previous={previous}
              search={search}
            />
          );
        },
      }),
    ),
  ];
  return (
    <Panel
      title="Versions"
      hint={shown.length > 1 ? "the latest first, each against the one before that ran in this window" : undefined}
    >
      <DataTable
        label="Versions side by side"
        columns={columns}
        rows={shown}
        rowKey={({ id }) => id}
        isSelected={({ id }) => id === chosen?.id}
      />
      <Rest leftOut={leftOut} idle={idle} shown={shown.length} />
    </Panel>
  );
}

interface CellProps {
  measure: Measure;
  version: Version;
  now: FiguresSummary | undefined;
  before: FiguresSummary | undefined;
  previous: Version | undefined;
  search: AgentSearch;
}

function Cell({ measure, version, now, before, previous, search }: CellProps) {
  if (now === undefined) return <span className={figureClasses.dimmed}>…</span>;
  const value = measure.read(now);
  const runs = runsBehind({ ...search, agentId: [version.id] }, measure.runs(now));
  const difference = before && measure.key !== "runs" ? differenceOf(measure, now, before) : undefined;
  return (
    <span className={classes.cell}>
      {value === null ? NOTHING : <FigureLink to={runs}>{measure.format(value)}</FigureLink>}
      {previous && measure.key !== "runs" && <Change difference={difference} previous={previous} />}
    </span>
  );
}

function Change({ difference, previous }: { difference: Difference | undefined; previous: Version }) {
  if (difference === undefined) return <span className={classes.change}>&nbsp;</span>;
  const { text, news, isFew } = difference;
  const against = `against ${previous.version || "the version before"}`;
  const why = isFew ? `: of fewer than ${RUNS_MIN} runs, which may be chance` : "";
  return (
    <span className={classes.change} data-news={news} title={`${against}${why}`}>
      {text}
      {news && ` ${news}`}
    </span>
  );
}

function Rest({ leftOut, idle, shown }: { leftOut: number; idle: readonly Version[]; shown: number }) {
  const parts = [];
  if (leftOut > 0) parts.push(`Shown are the ${shown} latest that ran; ${plural(leftOut, "older one")} ran too.`);
  if (idle.length > 0) {
    const names = idle.slice(0, 5).map(({ version }) => version || "no version");
    const more = idle.length > names.length ? ` and ${idle.length - names.length} more` : "";
    parts.push(`No runs in this window: ${names.join(", ")}${more}.`);
  }
  return parts.length > 0 ? <p className={figureClasses.note}>{parts.join(" ")}</p> : null;
}
