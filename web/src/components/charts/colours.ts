/** Colours for a canvas, which knows no CSS variables. */
import { useSyncExternalStore } from "react";

const ATTRIBUTE = "data-mantine-color-scheme";

/** `light` or `dark`, as the page is now: a canvas has to be drawn anew when it changes. */
export function useColourScheme(): string {
  return useSyncExternalStore(watch, () => document.documentElement.getAttribute(ATTRIBUTE) ?? "");
}

function watch(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributeFilter: [ATTRIBUTE] });
  return () => observer.disconnect();
}

/** What `var(--name)` is now; any other colour as it is. */
export function colourOf(color: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : color;
}
