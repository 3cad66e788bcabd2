/** A request for a step as one types it into a shell. */

interface StepRequest {
  origin: string;
  runId: string;
  stepId: string;
  /** Undefined: the project that the server takes by itself. */
  project?: string;
  isKeyNeeded: boolean;
}

/** The key itself stays out: the shell puts it in. */
export function curlOf({ origin, runId, stepId, project, isKeyNeeded }: StepRequest): string {
  const url = `${origin}/v1/runs/${encodeURIComponent(runId)}/steps/${encodeURIComponent(stepId)}`;
  const headers: string[] = [];
  if (isKeyNeeded) headers.push(`-H "Authorization: Bearer $AGENTGUIDE_API_KEY"`);
  else if (project !== undefined) headers.push(`-H ${quoted(`X-AgentGuide-Project: ${project}`)}`);
  return ["curl -sS", ...headers, quoted(url)].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
