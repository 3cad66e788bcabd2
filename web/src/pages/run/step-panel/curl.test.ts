import { expect, it } from "vitest";
import { curlOf } from "./curl";

const request = { origin: "http://127.0.0.1:8000", runId: "r", stepId: "s", isKeyNeeded: false };

it("leaves the key to the shell", () => {
  expect(curlOf(request)).toBe("curl -sS 'http://127.0.0.1:8000/v1/runs/r/steps/s'");
  expect(curlOf({ ...request, isKeyNeeded: true })).toBe(
    `curl -sS -H "Authorization: Bearer $AGENTGUIDE_API_KEY" 'http://127.0.0.1:8000/v1/runs/r/steps/s'`,
  );
});

it("names the project where no key does, and lets nothing out of its quotes", () => {
  expect(curlOf({ ...request, project: "it's", stepId: "'; rm -rf ~" })).toBe(
    String.raw`curl -sS -H 'X-AgentGuide-Project: it'\''s' 'http://127.0.0.1:8000/v1/runs/r/steps/'\''%3B%20rm%20-rf%20~'`,
  );
});
