/** The state of a page as its URL has it: `?status=FAILED&status=RUNNING&range=7d`. Values are texts, or lists of them. */

export type RawSearch = Record<string, string | string[]>;

export function parseSearch(text: string): RawSearch {
  const found: RawSearch = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const known = Object.hasOwn(found, name) ? found[name] : undefined;
    if (known === undefined) found[name] = value;
    else found[name] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") parameters.append(name, String(one));
    }
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/** What a URL says may be anything: these take what is meant, and leave out what makes no sense. */
export function textOf(value: unknown): string | undefined {
  const one = Array.isArray(value) ? value[0] : value;
  return typeof one === "string" && one !== "" ? one : typeof one === "number" ? String(one) : undefined;
}

export function textsOf(value: unknown): string[] | undefined {
  const all = (Array.isArray(value) ? value : [value]).map(textOf).filter((text) => text !== undefined);
  return all.length > 0 ? [...new Set(all)] : undefined;
}

export function numberOf(value: unknown): number | undefined {
  const text = textOf(value);
  const number = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

export function numbersOf(value: unknown): number[] | undefined {
  const all = textsOf(value)?.map(Number).filter(Number.isFinite);
  return all && all.length > 0 ? all : undefined;
}

export function flagOf(value: unknown): boolean | undefined {
  const text = typeof value === "boolean" ? String(value) : textOf(value);
  return text === "true" ? true : text === "false" ? false : undefined;
}

export function oneOf<T extends string>(value: unknown, known: readonly T[]): T | undefined {
  return known.find((one) => one === textOf(value));
}

export function someOf<T extends string>(value: unknown, known: readonly T[]): T[] | undefined {
  const texts = textsOf(value);
  const all = known.filter((one) => texts?.includes(one));
  return all.length > 0 ? all : undefined;
}
