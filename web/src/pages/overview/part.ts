import type { useFigures } from "./queries";
import type { OverviewSearch } from "./search";

/** What every part of the page gets. */
export interface PartProps {
  figures: ReturnType<typeof useFigures>;
  search: OverviewSearch;
}
