import { ActionIcon } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHelp } from "@tabler/icons-react";
import { getRouteApi, useElementScrollRestoration } from "@tanstack/react-router";
import { useEffect, useMemo, useRef } from "react";
import { ApiError } from "@/api/client";
import { Page } from "@/components/page";
import { RUN_COLUMN_KEYS, type RunColumnKey, USUAL_COLUMNS } from "@/components/runs-table/columns";
import { TimeRangePicker } from "@/components/time-range-picker";
import { FilterBar } from "./filter-bar";
import { Help } from "./help";
import classes from "./page.module.css";
import { RunsList } from "./runs-list";
import { filtersOf, hasFilters, PAGE_ROWS, type RunFilters, type RunsSearch } from "./search";
import { Strip } from "./strip";
import { ColumnsMenu, ExportMenu, LiveButton } from "./toolbar";
import { useCurrent } from "./use-current";
import { useKeys } from "./use-keys";
import { useLiveRuns } from "./use-live-runs";
import { runsKey, useRuns } from "./use-runs";

const route = getRouteApi("/signed-in/runs");

export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filterInput = useRef<HTMLInputElement>(null);
  const frame = useRef<HTMLElement>(null);
  const [isHelpOpen, help] = useDisclosure(false);
  const list = useRuns(search);
  const { query, rows } = list;
  const scrollId = `runs-${hashOf(JSON.stringify(runsKey(search)))}`;
  const scrolled = useElementScrollRestoration({ id: scrollId })?.scrollY;

  const set = (change: Partial<RunsSearch>, replace = false) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace, resetScroll: !replace });
  const setFilters = (filters: RunFilters, more: Partial<RunsSearch> = {}) => {
    const { range, from, to, sort, columns, live, pick } = search;
    void navigate({ search: { range, from, to, sort, columns, live, pick, ...more, ...filters } });
  };

  const isLive = search.live !== false;
  const live = useLiveRuns(search, list, {
    enabled: isLive && !query.error,
    isAtTop: () => (frame.current?.scrollTop ?? 0) < 20,
    toTop: () => frame.current?.scrollTo({ top: 0 }),
  });
  const current = useCurrent(rows, frame, scrollId);
  const picked = search.pick ?? [];
  const pick = (id: string) => {
    const next = picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id].slice(-2);
    set({ pick: next.length > 0 ? next : undefined }, true);
  };
  useRowsInUrl(query.isPlaceholderData ? undefined : query.data?.pages, search.rows, (count) =>
    set({ rows: count }, true),
  );

  useKeys((key, isInList) => {
    if (key === "j" || (key === "ArrowDown" && isInList)) current.move(1);
    else if (key === "k" || (key === "ArrowUp" && isInList)) current.move(-1);
    else if (key === "x" && current.run) pick(current.run.id);
    else if (key === "c" && picked.length === 2)
      void navigate({ to: "/compare", search: { a: picked[0], b: picked[1] } });
    else if (key === "n" && (live.news.fresh.size > 0 || live.news.isIncomplete)) live.showNews();
    else if (key === "/") filterInput.current?.focus();
    else if (key === "?") help.open();
    else return false;
    return true;
  });

  const refusal = query.error instanceof ApiError && query.error.status === 422 ? refusalOf(query.error) : undefined;
  const columns = useMemo(() => columnsOf(search.columns), [search.columns]);
  const setColumns = (keys: readonly RunColumnKey[]) =>
    set({ columns: keys.join() === USUAL_COLUMNS.join() ? undefined : keys.join() || "none" }, true);
  return (
    <div className={classes.page}>
      <Page
        title="Runs"
        actions={
          <>
            <LiveButton
              isLive={isLive}
              state={live.state}
              onChange={(on) => set({ live: on ? undefined : false }, true)}
            />
            <ColumnsMenu value={columns} onChange={setColumns} />
            <ExportMenu search={search} />
            <ActionIcon aria-label="Keys and filters" title="Keys and filters (?)" onClick={help.open}>
              <IconHelp size={17} aria-hidden />
            </ActionIcon>
          </>
        }
      >
        <div className={classes.filters}>
          <FilterBar filters={filtersOf(search)} onChange={setFilters} refusal={refusal} inputRef={filterInput} />
          <TimeRangePicker
            value={search}
            onChange={({ range, from, to }) => set({ range, from, to, rows: undefined })}
          />
        </div>
        <Strip
          count={query.data && !query.isPlaceholderData ? rows.length : undefined}
          hasMore={query.hasNextPage}
          searchLagSeconds={query.data?.pages.at(-1)?.searchLagSeconds}
          newCount={live.news.fresh.size}
          isIncomplete={live.news.isIncomplete}
          isReloadNeeded={search.sort !== undefined}
          onShowNews={() => live.showNews()}
          onRefresh={isLive ? undefined : live.refresh}
          isRefreshing={live.isRefreshing}
          refreshError={live.refreshError}
          picked={picked}
          onClearPicked={() => set({ pick: undefined }, true)}
        />
        <RunsList
          search={search}
          list={list}
          columns={columns}
          isFiltered={hasFilters(search)}
          isRefused={refusal !== undefined}
          onClearFilters={() => setFilters({}, { range: undefined, from: undefined, to: undefined })}
          onSort={(sort) => set({ sort: sort === "time" ? undefined : sort, rows: undefined })}
          picked={picked}
          onPick={pick}
          changed={live.changed}
          current={current}
          frame={frame}
          scrollId={scrollId}
          scrolled={scrolled}
        />
      </Page>
      <Help isOpen={isHelpOpen} onClose={help.close} />
    </div>
  );
}

/** Keeps the number of rows that are loaded in the URL, so that a reload finds the place again. */
function useRowsInUrl(
  pages: readonly { items: readonly unknown[] }[] | undefined,
  inUrl: number | undefined,
  set: (rows: number | undefined) => void,
): void {
  const loaded = pages?.reduce((sum, page) => sum + page.items.length, 0);
  const wanted = loaded !== undefined && pages && (pages.length > 1 || loaded > PAGE_ROWS + 20) ? loaded : undefined;
  const isKnown = loaded !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the number of rows matters, not who sets it
  useEffect(() => {
    if (isKnown && wanted !== inUrl) set(wanted === undefined ? undefined : Math.min(wanted, 1000));
  }, [isKnown, wanted]);
}

function refusalOf(error: ApiError): string {
  const details = error.details.map(({ path, reason }) => `${path?.replace("query.", "") ?? ""}: ${reason ?? ""}`);
  return details.length > 0 ? details.join("; ") : error.message;
}

function columnsOf(text: string | undefined): readonly RunColumnKey[] {
  if (text === undefined) return USUAL_COLUMNS;
  const keys = text.split(",");
  return RUN_COLUMN_KEYS.filter((key) => keys.includes(key));
}

/** A short name of a text that can stand in a selector. */
function hashOf(text: string): string {
  let hash = 5381;
  for (const character of text) hash = (hash * 33 + (character.codePointAt(0) ?? 0)) % 2_147_483_647;
  return hash.toString(36);
}
