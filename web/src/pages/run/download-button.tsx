import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import type { Run } from "@/api/shapes";
import { formatPercent } from "@/lib/format";
import { downloadRun, saveAs } from "./download";

/** Saves the whole run; while it is fetched, another click ends that. */
export function DownloadButton({ run }: { run: Run }) {
  const [fetched, setFetched] = useState<number>();
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const download = async () => {
    const current = new AbortController();
    abort.current = current;
    setFetched(0);
    try {
      saveAs(await downloadRun(run.id, current.signal, setFetched), `run-${run.id}.json`);
    } catch (error) {
      if (current.signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      notifications.show({ color: "red", title: "The run is not downloaded", message });
    } finally {
      setFetched(undefined);
    }
  };
  const isBusy = fetched !== undefined;
  return (
    <Button
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      onClick={() => (isBusy ? abort.current?.abort() : download())}
    >
      {isBusy ? `Stop (${formatPercent(Math.min(1, fetched / Math.max(1, run.stepCount)))})` : "Download"}
    </Button>
  );
}
