import { type RangeSearch, rangeSearchOf } from "@/lib/time-range";

export type UsersSearch = RangeSearch;

export function usersSearchOf(raw: Record<string, unknown>): UsersSearch {
  return rangeSearchOf(raw);
}

export type UserSearch = RangeSearch;

export function userSearchOf(raw: Record<string, unknown>): UserSearch {
  return rangeSearchOf(raw);
}
