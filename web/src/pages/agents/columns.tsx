import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Column } from "@/components/data-table";
import { formatCost, formatCount, formatDuration, formatPercent, formatShort, plural } from "@/lib/format";
import { placeOfAgent } from "@/lib/places";
import { runsBehind } from "@/pages/overview/links";
import type { RunsSearch } from "@/pages/runs/search";
import { FigureLink } from "@/pages/tools/figure-link";
import figureClasses from "@/pages/tools/figures.module.css";
import classes from "./columns.module.css";
import type { AgentRow, Figures, VersionRow } from "./figures";
import type { AgentSort, AgentsSearch } from "./search";

/** A row of the table: an agent, or below it one of its versions. */
export interface Line {
  key: string;
  agent: AgentRow;
  version?: VersionRow;
  isOpen: boolean;
}

export function linesOf(rows: readonly AgentRow[], open: readonly string[]): Line[] {
  return rows.flatMap((agent) => {
    const isOpen = agent.name !== null && agent.versions.length > 1 && open.includes(agent.name);
    const line = { key: agent.name === null ? "unknown" : `agent ${agent.name}`, agent, isOpen };
    if (!isOpen) return [line];
    return [line, ...agent.versions.map((version) => ({ key: `version ${version.id}`, agent, version, isOpen }))];
  });
}

interface FigureColumn {
  key: AgentSort;
  header: string;
  hint?: string;
  render: (figures: Figures) => string;
  /** What the runs behind the figure have in common besides their agent. */
  more?: RunsSearch;
  /** Where a zero has no runs behind it. */
  isCount?: boolean;
}

const FIGURES: readonly FigureColumn[] = [
  { key: "runs", header: "Runs", render: ({ runs }) => formatCount(runs) },
  {
    key: "success",
    header: "Success",
    hint: "Of the runs that have ended. The worst first",
    render: ({ success }) => formatPercent(success),
    more: { status: ["SUCCESS"] },
  },
  {
    key: "failed",
    header: "Failed",
    render: ({ failed }) => formatCount(failed),
    more: { status: ["FAILED"] },
    isCount: true,
  },
  {
    key: "inFlight",
    header: "In flight",
    hint: "Runs of the window that have not ended",
    render: ({ inFlight }) => formatCount(inFlight),
    more: { status: ["RUNNING", "PENDING"] },
    isCount: true,
  },
  {
    key: "duration",
    header: "Avg duration",
    hint: "Leads to the runs, the longest first",
    render: ({ duration }) => formatDuration(duration),
    more: { sort: "duration" },
  },
  {
    key: "steps",
    header: "Steps/run",
    hint: "Leads to the runs, those with most steps first",
    render: ({ steps }) => formatShort(steps),
    more: { sort: "steps" },
  },
  {
    key: "stepErrors",
    header: "Step errors",
    hint: "Share of steps that failed. Leads to the runs with an error",
    render: ({ stepErrors }) => formatPercent(stepErrors),
    more: { hasError: true },
  },
  {
    key: "tokens",
    header: "Tokens",
    hint: "Input and output together. Leads to the runs, the dearest first",
    render: ({ tokens }) => formatShort(tokens),
    more: { sort: "cost" },
  },
  {
    key: "cost",
    header: "Cost",
    hint: "Leads to the runs, the dearest first",
    render: ({ cost }) => formatCost(cost),
    more: { sort: "cost" },
  },
];

export function agentColumns(search: AgentsSearch, isCut: boolean, onToggle: (name: string) => void): Column<Line>[] {
  return [
    {
      key: "name",
      header: "Agent",
      width: "100%",
      sortable: true,
      render: (line) => <Name line={line} search={search} isCut={isCut} onToggle={onToggle} />,
    },
    ...FIGURES.map(
      ({ key, header, hint, render, more, isCount }): Column<Line> => ({
        ...{ key, header, hint, align: "right", sortable: true },
        render: ({ agent, version }) => {
          const figures = version ?? agent;
          if (figures.runs === 0) return <span className={figureClasses.dimmed}>–</span>;
          const isNone = isCount && figures[key === "failed" ? "failed" : "inFlight"] === 0;
          const to = isNone ? undefined : runsOf(agent, version, search, more);
          const isBad = key === "failed" && !isNone;
          return (
            <span className={isNone ? figureClasses.dimmed : isBad ? figureClasses.bad : undefined}>
              <FigureLink to={to}>{render(figures)}</FigureLink>
            </span>
          );
        },
      }),
    ),
  ];
}

/** Undefined for runs of which no agent is known: no filter finds those. */
function runsOf(
  agent: AgentRow,
  version: VersionRow | undefined,
  search: AgentsSearch,
  more?: RunsSearch,
): RunsSearch | undefined {
  if (agent.name === null) return undefined;
  const ids = version?.id ? [version.id] : search.agentId;
  const name = ids === undefined ? agent.name : undefined;
  // Where agents are picked the figures are of those only, and so are the runs.
  const own = version ? ids : ids?.filter((id) => agent.versions.some((one) => one.id === id));
  return { ...runsBehind({ ...search, agentId: own }, more), agentName: name };
}

interface NameProps {
  line: Line;
  search: AgentsSearch;
  isCut: boolean;
  onToggle: (name: string) => void;
}

function Name({ line: { agent, version, isOpen }, search, isCut, onToggle }: NameProps) {
  const { name, versions } = agent;
  if (name === null) return <span className={figureClasses.dimmed}>not known yet</span>;
  if (version) return <VersionName name={name} version={version} search={search} isCut={isCut} />;
  const [only] = versions;
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <span className={classes.agent} data-idle={agent.runs === 0 || undefined}>
      {versions.length > 1 ? (
        <button
          type="button"
          className={classes.toggle}
          aria-expanded={isOpen}
          aria-label={`Versions of ${name}`}
          onClick={() => onToggle(name)}
        >
          <Chevron size={14} aria-hidden />
        </button>
      ) : (
        <span className={classes.space} />
      )}
      <Link to="/agents/$agentName" {...placeOfAgent(name, { ...search, agentId: undefined })} title={name}>
        {name}
      </Link>
      <span className={classes.about}>
        {versions.length > 1 ? plural(versions.length, "version") : only?.version}
        {agent.runs === 0 && <Idle isCut={isCut} />}
      </span>
    </span>
  );
}

interface VersionNameProps {
  name: string;
  version: VersionRow;
  search: AgentsSearch;
  isCut: boolean;
}

function VersionName({ name, version, search, isCut }: VersionNameProps) {
  const agentId = version.id === null ? undefined : [version.id];
  return (
    <span className={classes.agent} data-idle={version.runs === 0 || undefined} data-version>
      <Link to="/agents/$agentName" {...placeOfAgent(name, { ...search, agentId })} title={version.version}>
        {version.version || "no version"}
      </Link>
      <span className={classes.about}>{version.runs === 0 && <Idle isCut={isCut} />}</span>
    </span>
  );
}

/** Where the server's list is cut, one that is not in it may have run. */
function Idle({ isCut }: { isCut: boolean }) {
  return <span className={classes.idle}>{isCut ? "not among the busiest" : "no runs in this window"}</span>;
}
