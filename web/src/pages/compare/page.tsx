import { Button, SimpleGrid } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { Loaded } from "@/components/notices";
import { Page } from "@/components/page";
import { Comparison } from "./comparison";
import { RunPicker } from "./run-picker";
import { useRun } from "./use-compared";

const route = getRouteApi("/signed-in/compare");

export function ComparePage() {
  const { a, b } = route.useSearch();
  const navigate = route.useNavigate();
  const [runA, runB] = [useRun(a), useRun(b)];
  // What was chosen in one pair of runs means nothing in another.
  const choose = (side: "a" | "b", id: string | undefined) =>
    navigate({ search: (old) => ({ ...old, [side]: id, row: undefined }) });
  const swap = () => navigate({ search: (old) => ({ ...old, a: old.b, b: old.a, row: undefined }) });
  const isWhole = a !== undefined && b !== undefined;
  return (
    <Page
      title="Compare"
      actions={
        isWhole && (
          <Button variant="default" leftSection={<IconArrowsExchange size={14} aria-hidden />} onClick={swap}>
            Swap A and B
          </Button>
        )
      }
    >
      {isWhole && !isMissing(runA) && !isMissing(runB) ? (
        <Loaded query={runA} height={180}>
          {(dataA) => (
            <Loaded query={runB} height={180}>
              {(dataB) => <Comparison a={dataA} b={dataB} onChange={(side) => choose(side, undefined)} />}
            </Loaded>
          )}
        </Loaded>
      ) : (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm">
          <RunPicker name="A" id={a} query={runA} other={runB.data} onChoose={(id) => choose("a", id)} />
          <RunPicker name="B" id={b} query={runB} other={runA.data} onChoose={(id) => choose("b", id)} />
        </SimpleGrid>
      )}
    </Page>
  );
}

/** Old data of a run stays to be seen while new data fails. */
function isMissing({ error, data }: { error: Error | null; data: unknown }): boolean {
  return error !== null && data === undefined;
}
