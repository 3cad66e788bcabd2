import { Page } from "@/components/page";

export function PipelinePage() {
  return <Page title="Pipeline">{null}</Page>;
}
