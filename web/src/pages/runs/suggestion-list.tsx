import { useEffect, useRef } from "react";
import classes from "./filter-bar.module.css";
import type { Suggestion } from "./suggestions";

interface SuggestionListProps {
  id: string;
  suggestions: readonly Suggestion[];
  active: number;
  isAsking: boolean;
  onChoose: (suggestion: Suggestion) => void;
}

/** What the filter bar offers, below it. The focus stays in the bar. */
export function SuggestionList({ id, suggestions, active, isAsking, onChoose }: SuggestionListProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active >= 0) list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  const isShown = suggestions.length > 0;
  return (
    <>
      <div
        ref={list}
        id={`${id}-list`}
        className={classes.list}
        role="listbox"
        aria-label="Suggestions"
        hidden={!isShown}
        // Pressing a button of the mouse would take the focus away from the bar.
        onMouseDown={(event) => event.preventDefault()}
      >
        {suggestions.map((one, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the bar has the keyboard, and says which one is active
          <div
            key={one.kind + one.text}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            className={classes.option}
            onClick={() => onChoose(one)}
          >
            <span className={classes.label}>{one.kind === "text" ? `Search for “${one.label}”` : one.label}</span>
            {one.hint && <span className={classes.hint}>{one.hint}</span>}
          </div>
        ))}
      </div>
      {!isShown && isAsking && (
        <div className={classes.list} role="status">
          <div className={classes.hint}>Looking for values…</div>
        </div>
      )}
    </>
  );
}
