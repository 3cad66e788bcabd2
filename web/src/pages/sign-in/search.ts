import { textOf } from "@/lib/search-params";

export interface SignInSearch {
  /** Where one wanted to go: a path of ours. */
  next?: string;
}

export function signInSearchOf(raw: Record<string, unknown>): SignInSearch {
  const next = textOf(raw.next);
  return next && isOurs(next) ? { next } : {};
}

const HERE = "http://here.invalid";

/** Asked of the browser's own parser: `//host`, `/\\host` and `/<tab>/host` all lead to another server. */
function isOurs(path: string): boolean {
  const found = path.startsWith("/") ? URL.parse(path, HERE) : null;
  return found !== null && found.origin === HERE;
}
