import { textOf } from "@/lib/search-params";

export interface SignInSearch {
  /** Where one wanted to go: a path of ours. */
  next?: string;
}

export function signInSearchOf(raw: Record<string, unknown>): SignInSearch {
  const next = textOf(raw.next);
  // `//host` and `/\\host` would lead to another server
  return next && /^\/(?![/\\])/.test(next) ? { next } : {};
}
