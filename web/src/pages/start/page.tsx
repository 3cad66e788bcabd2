import { Page } from "@/components/page";

export function StartPage() {
  return <Page title="Send a trace">{null}</Page>;
}
