import { Button } from "@mantine/core";
import { IconArrowUp, IconRefresh } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { formatDuration, plural } from "@/lib/format";
import classes from "./strip.module.css";

interface StripProps {
  /** Rows that are loaded; undefined before there are any. */
  count: number | undefined;
  hasMore: boolean;
  searchLagSeconds: number | undefined;
  newCount: number;
  /** There are more than those that are counted. */
  isIncomplete: boolean;
  /** New ones cannot be put in their places without asking again. */
  isReloadNeeded: boolean;
  onShowNews: () => void;
  /** Undefined while the list follows by itself. */
  onRefresh: (() => void) | undefined;
  isRefreshing: boolean;
  /** Why the last refresh brought nothing. */
  refreshError: Error | null;
  picked: readonly string[];
  onClearPicked: () => void;
}

/** One line between the filters and the rows, which is always there, so that what it says moves nothing. */
export function Strip(props: StripProps) {
  const { count, picked, onRefresh } = props;
  const hasNews = props.newCount > 0 || props.isIncomplete;
  return (
    <div className={classes.strip}>
      <div className={classes.part}>
        <div aria-live="polite" className={classes.part}>
          {hasNews && (
            <Button
              size="compact-xs"
              radius="xl"
              leftSection={props.isReloadNeeded ? <IconRefresh size={12} /> : <IconArrowUp size={12} />}
              onClick={props.onShowNews}
            >
              {newsText(props)}
            </Button>
          )}
          {count !== undefined && <span>{countText(count, props.hasMore)}</span>}
        </div>
        {props.searchLagSeconds !== undefined && (
          <span title="This answer rests on the search index, which is written just after the runs themselves">
            {props.searchLagSeconds < 0.5
              ? "search is up to date"
              : `search is ${formatDuration(Math.round(props.searchLagSeconds * 1000))} behind`}
          </span>
        )}
        {onRefresh && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconRefresh size={12} />}
            loading={props.isRefreshing}
            onClick={onRefresh}
          >
            Refresh
          </Button>
        )}
        {props.refreshError && <span role="alert">Not refreshed: {props.refreshError.message}</span>}
      </div>
      <div className={classes.part}>
        {picked.length > 0 && (
          <>
            <span>{picked.length === 1 ? "1 run chosen, choose another to compare" : "2 runs chosen"}</span>
            {picked.length === 2 && (
              <Button
                size="compact-xs"
                className={classes.compare}
                renderRoot={(rest) => <Link {...rest} to="/compare" search={{ a: picked[0], b: picked[1] }} />}
              >
                Compare
              </Button>
            )}
            <Button size="compact-xs" variant="default" onClick={props.onClearPicked}>
              Clear
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

function newsText({ newCount, isIncomplete, isReloadNeeded }: StripProps): string {
  if (isReloadNeeded && !isIncomplete) return `${plural(newCount, "run")} changed, reload`;
  if (newCount === 0) return "New runs";
  return isIncomplete ? `More than ${plural(newCount, "new run")}` : plural(newCount, "new run");
}

function countText(count: number, hasMore: boolean): string {
  return hasMore ? `The first ${plural(count, "run")}` : plural(count, "run");
}
