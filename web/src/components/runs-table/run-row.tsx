import { Checkbox } from "@mantine/core";
import { Link, useRouter } from "@tanstack/react-router";
import { type MouseEvent, memo } from "react";
import type { RunSummary } from "@/api/shapes";
import { StatusBadge } from "@/components/status-badge";
import { Time } from "@/components/time";
import { plural } from "@/lib/format";
import { columnOf, Duration, type RunColumnKey, runTitle } from "./columns";
import classes from "./runs-table.module.css";

interface RunRowProps {
  run: RunSummary;
  index: number;
  /** Pixels above it of rows that are not drawn. */
  gap: number;
  columns: readonly RunColumnKey[];
  isNarrow: boolean;
  /** Reached with Tab; the others with j and k. */
  isTabStop: boolean;
  isPicked: boolean;
  isChanged: boolean;
  isGone: boolean;
  onPick: ((id: string) => void) | undefined;
  onFocus: (index: number) => void;
}

export const RunRow = memo(function RunRow(props: RunRowProps) {
  const { run, index, gap, columns, isNarrow, isTabStop, isPicked, isChanged, isGone, onPick, onFocus } = props;
  const open = useOpenRun(run.id);
  const tabIndex = isTabStop ? 0 : -1;
  return (
    <>
      {gap > 0 && (
        <tr aria-hidden style={{ height: gap }}>
          <td />
        </tr>
      )}
      <tr
        className={classes.row}
        aria-rowindex={index + 2}
        data-selected={isPicked || undefined}
        data-changed={isChanged || undefined}
        data-gone={isGone || undefined}
        onClick={open}
        onFocus={() => onFocus(index)}
      >
        {onPick && (
          <td className={classes.pick}>
            <Checkbox
              size="xs"
              tabIndex={tabIndex}
              checked={isPicked}
              onChange={() => onPick(run.id)}
              aria-label={`Compare ${runTitle(run)}`}
            />
          </td>
        )}
        <th scope="row" className={classes.run}>
          <Link to="/runs/$runId" params={{ runId: run.id }} tabIndex={tabIndex} data-run={index} title={runTitle(run)}>
            {isNarrow && <StatusBadge status={run.status} compact />}
            {runTitle(run)}
          </Link>
          {isGone && (
            <span className={classes.gone} title="It changed since it was found; it goes when the list is loaded again">
              no longer matches
            </span>
          )}
          {isNarrow && (
            <div className={classes.second}>
              {run.errorCount > 0 && <span className={classes.bad}>{plural(run.errorCount, "error")} · </span>}
              {[run.agentName && `${run.agentName} ${run.agentVersion ?? ""}`, run.sessionId]
                .filter(Boolean)
                .join(" · ")}
            </div>
          )}
        </th>
        {isNarrow && (
          <td data-align="right">
            <Duration run={run} />
            <div className={classes.second}>
              <Time value={run.startedAt} relative />
            </div>
          </td>
        )}
        {columns.map((key) => (
          <td key={key} data-align={columnOf(key).align}>
            {columnOf(key).render(run, tabIndex)}
          </td>
        ))}
      </tr>
    </>
  );
});

/** A click anywhere in the row opens the run; one that ends a selection of text, or that means something else, does not. */
function useOpenRun(runId: string) {
  const router = useRouter();
  return (event: MouseEvent<HTMLTableRowElement>) => {
    const { target } = event;
    if (event.defaultPrevented || event.button !== 0 || !(target instanceof Element)) return;
    if (target.closest("a, button, input, label") || window.getSelection()?.type === "Range") return;
    if (event.metaKey || event.ctrlKey) {
      const { href } = router.buildLocation({ to: "/runs/$runId", params: { runId } });
      window.open(href, "_blank", "noopener");
      return;
    }
    void router.navigate({ to: "/runs/$runId", params: { runId } });
  };
}
