import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { fitView, type Span, viewOf, zoomText } from "./layout";

const COMMIT_AFTER_MS = 150;

/** The part of the time axis that is looked at: at once where somebody moves it, in the URL when they have. */
export function useView(
  whole: Span,
  origin: number,
  text: string | undefined,
  commit: (text: string | undefined) => void,
): [Span, (view: Span) => void] {
  const [draft, setDraft] = useState<Span | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the URL's text has changed, and holds from now on
  useEffect(() => setDraft(null), [text]);
  const view = useMemo(
    () => (draft ? fitView(draft, whole) : viewOf(text, whole, origin)),
    [draft, text, whole, origin],
  );
  const change = useCallback(
    (next: Span) => {
      setDraft(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        const changed = zoomText(next, whole, origin);
        if (changed === text) setDraft(null);
        else commit(changed);
      }, COMMIT_AFTER_MS);
    },
    [whole, origin, text, commit],
  );
  return [view, change];
}
