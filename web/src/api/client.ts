/** Requests to the server that sent this page, and to no other. */
import createClient from "openapi-fetch";
import type { paths } from "./schema";

/** What a request shows besides the cookie. Set when the caller is known; there is one caller a page load. */
const caller: { project?: string; csrfToken?: string } = {};

export function setCaller(project: string | undefined, csrfToken: string | undefined): void {
  caller.project = project;
  caller.csrfToken = csrfToken;
}

/** An answer that is an error: what the server said, or that it could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: { path?: string; reason?: string }[];
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, details: ApiError["details"] = [], retryAfter?: number) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfter = retryAfter;
  }
}

export const api = createClient<paths>({ baseUrl: "", querySerializer: { array: { style: "form", explode: true } } });

api.use({
  onRequest({ request }) {
    if (caller.project) request.headers.set("X-AgentGuide-Project", caller.project);
    if (caller.csrfToken && request.method !== "GET") request.headers.set("X-CSRF-Token", caller.csrfToken);
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The body of a good answer.
 *
 * Throws `ApiError` for any other, with status 0 where there was none.
 */
export async function answer<T>(asked: Promise<Answer<T>>): Promise<NonNullable<T>> {
  let found: Answer<T>;
  try {
    found = await asked;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The server does not answer. Is it running?");
  }
  if (!found.response.ok) throw errorOf(found.response, found.error);
  return found.data as NonNullable<T>; // openapi-fetch has no data only where it has an error, or the answer has no body
}

function errorOf(response: Response, body: unknown): ApiError {
  const after = Number(response.headers.get("Retry-After"));
  const said = isErrorBody(body) ? body.error : undefined;
  return new ApiError(
    response.status,
    said?.code ?? "unknown",
    said?.message ?? `The server answered ${response.status} ${response.statusText}.`,
    said?.details ?? [],
    after > 0 ? after : undefined,
  );
}

interface ErrorBody {
  error: { code: string; message: string; details?: ApiError["details"] };
}

function isErrorBody(body: unknown): body is ErrorBody {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  return typeof error === "object" && error !== null && "message" in error && typeof error.message === "string";
}

/** The address of something that the browser itself gets: a download, or a stream. Those bear no headers of ours. */
export function hrefOf(path: string, query: Record<string, QueryValue> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, project: caller.project })) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) parameters.append(name, String(one));
    }
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

type Scalar = string | number | boolean | null | undefined;
type QueryValue = Scalar | readonly Scalar[];
