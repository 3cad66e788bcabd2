const RUN_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** The id of a run in a text: the id itself, or an address that has it. */
export function runIdIn(text: string): string | undefined {
  return RUN_ID.exec(text)?.[0].toLowerCase();
}
