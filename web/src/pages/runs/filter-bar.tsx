import { IconSearch, IconX } from "@tabler/icons-react";
import { type KeyboardEvent, type RefObject, useId, useState } from "react";
import { useAgents } from "@/api/agents";
import classes from "./filter-bar.module.css";
import { filterPiecesOf, parseFilters, withFilters } from "./filter-text";
import type { RunFilters } from "./search";
import { SuggestionList } from "./suggestion-list";
import { chipOf, firstChoice, type Suggestion, splitLast, suggestionsOf } from "./suggestions";
import { useValues } from "./use-values";

interface FilterBarProps {
  filters: RunFilters;
  onChange: (filters: RunFilters) => void;
  /** What the server says against them. */
  refusal: string | undefined;
  inputRef: RefObject<HTMLInputElement | null>;
}

/** Filters as chips, and a line to write more of them; what can be written is offered while one does. */
export function FilterBar({ filters, onChange, refusal, inputRef }: FilterBarProps) {
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  /** Undefined until one has moved. */
  const [moved, setMoved] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const id = useId();
  const agents = useAgents().data ?? [];
  const values = useValues(text);
  const suggestions = isOpen ? suggestionsOf(text, { agents, values: values.found }) : [];
  const active = Math.min(moved ?? firstChoice(text, suggestions), suggestions.length - 1);
  const pieces = filterPiecesOf(filters);
  const said = problem ?? refusal;

  const write = (next: string, { opens = true } = {}) => {
    setText(next);
    setMoved(undefined);
    setProblem(undefined);
    setOpen(opens);
  };
  const commit = (whole: string) => {
    const parsed = parseFilters(whole);
    if (parsed.problems.length > 0) {
      setProblem(parsed.problems.join(" "));
      return;
    }
    write("", { opens: false });
    onChange(withFilters(filters, parsed.filters));
  };
  const choose = (suggestion: Suggestion) => {
    const next = splitLast(text).before + suggestion.text;
    if (suggestion.kind === "field") write(next);
    else commit(next);
    inputRef.current?.focus();
  };
  const edit = (index: number) => {
    const piece = pieces[index];
    if (!piece) return;
    onChange(piece.rest);
    write(piece.text);
    inputRef.current?.focus();
  };
  const remove = (index: number) => {
    const piece = pieces[index];
    if (piece) onChange(piece.rest);
    inputRef.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const handled = handleKey(event, { text, suggestions, active, isOpen, chips: pieces.length });
    if (handled === undefined) return;
    event.preventDefault();
    if (handled.open !== undefined) setOpen(handled.open);
    if (handled.move !== undefined) setMoved(handled.move);
    if (handled.choose) choose(handled.choose);
    if (handled.commit) commit(text);
    if (handled.removeLast) remove(pieces.length - 1);
    if (handled.leave) inputRef.current?.blur();
  };

  return (
    <search className={classes.bar} aria-label="Filter runs">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a click beside the line is one into it, as in any field */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: with the keyboard one is in the line itself */}
      <div className={classes.field} data-invalid={said ? true : undefined} onClick={() => inputRef.current?.focus()}>
        <IconSearch size={15} className={classes.icon} aria-hidden />
        {pieces.length > 0 && (
          <ul className={classes.chips} aria-label="Filters">
            {pieces.map((piece, index) => {
              const { name, value } = chipOf(piece.field, piece.text, agents);
              return (
                <li key={piece.field + piece.text} className={classes.chip}>
                  <button
                    type="button"
                    className={classes.edit}
                    title={`${name} ${value} · change`}
                    onClick={() => edit(index)}
                  >
                    <span className={classes.name}>{name}</span> <span className={classes.value}>{value}</span>
                  </button>
                  <button
                    type="button"
                    className={classes.remove}
                    aria-label={`Remove ${name} ${value}`}
                    onClick={() => remove(index)}
                  >
                    <IconX size={12} aria-hidden />
                  </button>
                </li>
              );
            })}
          </ul>
        )}
        <input
          ref={inputRef}
          className={classes.input}
          role="combobox"
          aria-label="Filter or search"
          aria-expanded={isOpen && suggestions.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
          aria-invalid={said ? true : undefined}
          aria-describedby={said ? `${id}-said` : undefined}
          placeholder={pieces.length > 0 ? "" : "Filter, as status:failed or tool:search, or search for words"}
          autoComplete="off"
          spellCheck={false}
          maxLength={500}
          value={text}
          onChange={(event) => write(event.currentTarget.value)}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onClick={() => setOpen(true)}
          onKeyDown={onKeyDown}
        />
        {pieces.length > 0 && (
          <button type="button" className={classes.clear} onClick={() => onChange({})}>
            Clear filters
          </button>
        )}
        {pieces.length === 0 && text === "" && !isOpen && <kbd className={classes.key}>/</kbd>}
      </div>
      <SuggestionList
        id={id}
        suggestions={suggestions}
        active={active}
        isAsking={isOpen && values.isAsking}
        onChoose={choose}
      />
      {said && (
        <p id={`${id}-said`} className={classes.said} role="alert">
          {said}
        </p>
      )}
    </search>
  );
}

interface KeyState {
  text: string;
  suggestions: readonly Suggestion[];
  active: number;
  isOpen: boolean;
  chips: number;
}

interface KeyResult {
  open?: boolean;
  move?: number;
  choose?: Suggestion;
  commit?: true;
  removeLast?: true;
  leave?: true;
}

/** What a key means in the line; undefined is what it means anywhere. */
function handleKey(event: KeyboardEvent<HTMLInputElement>, state: KeyState): KeyResult | undefined {
  const { text, suggestions, active, isOpen, chips } = state;
  const count = suggestions.length;
  if (event.nativeEvent.isComposing) return undefined;
  switch (event.key) {
    case "ArrowDown":
      if (!isOpen) return { open: true };
      return count > 0 ? { move: (active + 1) % count } : undefined;
    case "ArrowUp":
      return count > 0 ? { move: active <= 0 ? count - 1 : active - 1 } : undefined;
    case "Enter": {
      const chosen = suggestions[active];
      return chosen ? { choose: chosen } : text.trim() ? { commit: true } : undefined;
    }
    case "Tab": {
      if (event.shiftKey || text.trim() === "") return undefined;
      const chosen = suggestions[active] ?? suggestions.find((one) => one.kind === "field");
      return chosen ? { choose: chosen } : undefined;
    }
    case "Backspace":
      return text === "" && chips > 0 ? { removeLast: true } : undefined;
    case "Escape":
      return isOpen && count > 0 ? { open: false } : { leave: true };
    default:
      return undefined;
  }
}
