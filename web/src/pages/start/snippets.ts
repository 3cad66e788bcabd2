/** What one may copy to send a first trace: it works as it stands, against this server. */

export interface Place {
  /** Of the server, as in `http://127.0.0.1:8000`. */
  origin: string;
  /** A key to send with; undefined where none is needed. */
  key?: string;
  /** Which project it is for, where neither a key nor the server says so. */
  project?: string;
}

export interface Snippet {
  name: "curl" | "Python" | "OpenTelemetry";
  about: string;
  text: string;
}

export const KEY_TO_COME = "YOUR_API_KEY";

export function snippetsOf(place: Place): Snippet[] {
  return [
    { name: "curl", about: "One run with one step, from a shell.", text: curl(place) },
    { name: "Python", about: "The same from Python, with nothing to install.", text: python(place) },
    {
      name: "OpenTelemetry",
      about: "For a program that is traced already: no code to change. Each trace becomes a run, each span a step.",
      text: openTelemetry(place),
    },
  ];
}

function headersOf({ key, project }: Place): [name: string, value: string][] {
  const headers: [string, string][] = [];
  if (key !== undefined) headers.push(["Authorization", `Bearer ${key}`]);
  if (project !== undefined) headers.push(["X-AgentGuide-Project", project]);
  return headers;
}

function curl(place: Place): string {
  const { origin } = place;
  const header = headersOf(place)
    .map(([name, value]) => ` -H "${name}: ${value}"`)
    .join("");
  return `api=${origin}
run=$(python3 -c 'import uuid; print(uuid.uuid4())')

curl -s${header} $api/v1/runs -d '{"id": "'$run'", "agent": {"name": "my-agent"}, "input": "Where is my parcel?"}'
curl -s${header} $api/v1/runs/$run/steps -d '{"toolName": "track_parcel", "kind": "TOOL",
  "input": {"parcel": 17}, "output": {"status": "in transit"}}'
curl -s${header} -X PATCH $api/v1/runs/$run -d '{"status": "SUCCESS", "output": "It is on its way."}'`;
}

function python(place: Place): string {
  const { origin } = place;
  const headers = headersOf(place)
    .map(([name, value]) => `, "${name}": "${value}"`)
    .join("");
  return `import json, uuid
from datetime import datetime, timezone
from urllib.request import Request, urlopen

API = "${origin}"
HEADERS = {"Content-Type": "application/json"${headers}}

def send(*events):
    with urlopen(Request(f"{API}/v1/events", json.dumps(events).encode(), HEADERS)) as answer:
        print(json.load(answer))

def now():
    return datetime.now(timezone.utc).isoformat()

run = str(uuid.uuid4())
send({"type": "run", "id": run, "agent": {"name": "my-agent"}, "input": "Where is my parcel?", "startedAt": now()})
send({"type": "step", "runId": run, "toolName": "track_parcel", "kind": "TOOL", "startedAt": now(),
      "input": {"parcel": 17}, "output": {"status": "in transit"}, "finishedAt": now()},
     {"type": "run", "id": run, "status": "SUCCESS", "output": "It is on its way.", "finishedAt": now()})`;
}

function openTelemetry(place: Place): string {
  const { origin } = place;
  const headers = headersOf(place).map(([name, value]) => `${name}=${value}`);
  const lines = [
    `export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${origin}/v1/traces`,
    "export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf",
  ];
  if (headers.length > 0) lines.push(`export OTEL_EXPORTER_OTLP_TRACES_HEADERS="${headers.join(",")}"`);
  return lines.join("\n");
}
