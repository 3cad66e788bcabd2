/** How far the percentiles of roll-ups may be from the durations that they are of. */
const PERCENTILE_ERROR = 0.01;

/**
 * The least duration, in milliseconds, of the runs that a percentile means.
 *
 * Runs that ran into a timeout took all the same time: a percentile that is a little above it would leave out all of them.
 */
export function leastOf(percentileMs: number | null): number | undefined {
  return percentileMs === null ? undefined : Math.floor(percentileMs * (1 - PERCENTILE_ERROR));
}
