import { expect, test } from "vitest";
import { curlOf } from "./curl";

const open = { authRequired: false, project: { slug: "default" } };

test("what an agent wrote stays one word of the shell", () => {
  const address = new URL("http://localhost:8000/v1/runs");
  address.searchParams.set("sessionId", "it's $(reboot)");
  address.searchParams.set("project", "default");
  expect(curlOf(address, open)).toBe("curl -fsS 'http://localhost:8000/v1/runs?sessionId=it%27s+%24%28reboot%29'");
  expect(curlOf(new URL("http://localhost/v1/it's"), open)).toBe(String.raw`curl -fsS 'http://localhost/v1/it'\''s'`);
});

test("a key is asked for where one is needed, and a project is named where it has to be", () => {
  const address = new URL("http://localhost/v1/runs?project=other");
  expect(curlOf(address, { authRequired: true, project: { slug: "other" } })).toBe(
    `curl -fsS -H "Authorization: Bearer $AGENTGUIDE_KEY" 'http://localhost/v1/runs'`,
  );
  expect(curlOf(address, { authRequired: false, project: { slug: "other" } })).toContain("project=other");
});
