import { Button, Skeleton, Stack } from "@mantine/core";
import { IconListSearch, IconSend } from "@tabler/icons-react";
import { Link, useRouter } from "@tanstack/react-router";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import type { RunSummary } from "@/api/shapes";
import { EmptyState, ErrorNotice } from "@/components/notices";
import type { RunColumnKey } from "@/components/runs-table/columns";
import { RunsTable } from "@/components/runs-table/runs-table";
import { plural } from "@/lib/format";
import classes from "./page.module.css";
import { stillPasses } from "./run-list";
import { filtersOf, type RunSort, type RunsSearch } from "./search";
import type { Current } from "./use-current";
import type { RunsList as List } from "./use-runs";

interface RunsListProps {
  search: RunsSearch;
  list: List;
  columns: readonly RunColumnKey[];
  isFiltered: boolean;
  /** The server does not take these filters, which the bar says. */
  isRefused: boolean;
  onClearFilters: () => void;
  onSort: (sort: RunSort) => void;
  picked: readonly string[];
  onPick: (id: string) => void;
  changed: ReadonlySet<string>;
  current: Current;
  frame: RefObject<HTMLElement | null>;
  scrollId: string;
  scrolled: number | undefined;
}

/** The rows, or why there are none. */
export function RunsList(props: RunsListProps) {
  const { search, list, isFiltered, onClearFilters, frame, scrolled, scrollId } = props;
  const { query, rows } = list;
  const filters = filtersOf(search);
  const isGone = useCallback((run: RunSummary) => !stillPasses(run, filters), [filters]);
  const isReady = query.data !== undefined && !query.isPlaceholderData;
  // The router puts a list back where it was left when it shows the page; on a reload the rows come later.
  const placed = useRef<string>(undefined);
  useLayoutEffect(() => {
    if (!isReady || placed.current === scrollId) return;
    placed.current = scrollId;
    frame.current?.scrollTo({ top: scrolled ?? 0 });
  });

  useTrackedScroll(frame);

  if (props.isRefused) {
    return (
      <EmptyState title="No runs to show" icon={<IconListSearch size={28} />}>
        The server does not take this filter; above it says why. <ClearButton onClick={onClearFilters} />
      </EmptyState>
    );
  }
  if (query.data === undefined) {
    return query.error ? (
      <ErrorNotice error={query.error} onRetry={query.refetch} />
    ) : (
      <LoadingRows count={search.rows ?? 20} />
    );
  }
  if (rows.length === 0 && isReady) {
    return isFiltered ? (
      <EmptyState title="No run passes these filters" icon={<IconListSearch size={28} />}>
        Remove one of them, or choose a longer time. <ClearButton onClick={onClearFilters} />
      </EmptyState>
    ) : (
      <EmptyState title="No runs yet" icon={<IconSend size={28} />}>
        Runs appear here as soon as an agent sends them. <Link to="/start">Send your first trace</Link>
      </EmptyState>
    );
  }
  return (
    <div className={classes.list} data-old={query.isPlaceholderData || undefined}>
      <RunsTable
        key={scrollId}
        label="Runs"
        fills
        rows={rows}
        columns={props.columns}
        sort={search.sort ?? "time"}
        onSort={props.onSort}
        picked={props.picked}
        onPick={props.onPick}
        changed={props.changed}
        isGone={isGone}
        onEnd={list.loadMore}
        current={props.current.index}
        onCurrent={props.current.set}
        scrollRef={frame}
        scrollId={scrollId}
        scrollTop={scrolled}
        footer={<Footer list={list} />}
      />
    </div>
  );
}

/**
 * Has the router keep the place in this list.
 *
 * It keeps those that were scrolled since it last showed an address; and the address also changes while one only looks.
 */
function useTrackedScroll(frame: RefObject<HTMLElement | null>): void {
  const router = useRouter();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const track = () => {
      clearTimeout(timer);
      timer = setTimeout(() => frame.current?.dispatchEvent(new Event("scroll")));
    };
    track();
    const unsubscribe = router.subscribe("onRendered", track);
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [router, frame]);
}

function ClearButton({ onClick }: { onClick: () => void }) {
  return (
    <Button variant="default" mt="xs" display="block" mx="auto" onClick={onClick}>
      Clear filters
    </Button>
  );
}

function Footer({ list }: { list: List }) {
  const { query, rows } = list;
  if (query.isFetchNextPageError) {
    return (
      <div className={classes.footer} role="alert">
        <span>More could not be loaded: {query.error?.message}</span>
        <Button variant="default" onClick={() => query.fetchNextPage()}>
          Try again
        </Button>
      </div>
    );
  }
  return (
    <div className={classes.footer}>
      {query.hasNextPage ? (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
          Load more
        </Button>
      ) : (
        <span>{plural(rows.length, "run")}, no more</span>
      )}
    </div>
  );
}

function LoadingRows({ count }: { count: number }) {
  return (
    <Stack gap={8} className={classes.loading} role="status" aria-label="Loading runs">
      {Array.from({ length: Math.min(count, 40) }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike and never change
        <Skeleton key={index} height={24} style={{ flex: "none" }} />
      ))}
    </Stack>
  );
}
