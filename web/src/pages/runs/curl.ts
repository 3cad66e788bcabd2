/** The question that a list answers, for a terminal. */

interface Caller {
  authRequired: boolean;
  project: { slug: string };
}

/** A key says itself which project it is of; without keys the address does. */
export function curlOf(address: URL, { authRequired, project }: Caller): string {
  const url = new URL(address);
  if (authRequired || project.slug === "default") url.searchParams.delete("project");
  const key = authRequired ? ' -H "Authorization: Bearer $AGENTGUIDE_KEY"' : "";
  return `curl -fsS${key} ${shellQuoted(url.href)}`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
