import { expect, test } from "vitest";
import { agentSearchOf } from "@/pages/agents/search";
import { sessionSearchOf } from "@/pages/sessions/search";
import { toolSearchOf } from "@/pages/tools/search";
import { agentNameAt, placeOfAgent, placeOfSession, placeOfTool, scopeOf, sessionIdAt, toolNameAt } from "./places";

const FIXED = { from: "2026-03-01T10:00:00.000Z", to: "2026-03-01T12:00:00.000Z" };
const NAMES = ["web search", "a/b?c#d", "100%", "..", ".", "-", "none", "line\nbreak", '<b title="x">', "ä"];
const UNFIT = [".", "..", ""];

test.each(NAMES)("a session, an agent and a tool called %j have pages of their own", (name) => {
  const session = placeOfSession(name);
  expect(sessionIdAt(session.params.sessionId, sessionSearchOf({ ...session.search }))).toBe(name);
  const agent = placeOfAgent(name, {});
  expect(agentNameAt(agent.params.agentName, agentSearchOf({ ...agent.search }))).toBe(name);
  const tool = placeOfTool(name, {});
  expect(toolNameAt(tool.params.toolName, toolSearchOf({ ...tool.search }))).toBe(name);
  for (const part of [session.params.sessionId, agent.params.agentName, tool.params.toolName]) {
    expect(UNFIT).not.toContain(part);
    expect(part).not.toContain("\n");
  }
});

test("steps without a tool have a page too, which is not that of a tool called none", () => {
  const { params, search } = placeOfTool(null, {});
  expect(toolNameAt(params.toolName, toolSearchOf({ ...search, untooled: "true" }))).toBeNull();
});

test("places keep the window that is given, and leave it to the page where none is", () => {
  expect(placeOfAgent("..", { range: "7d", agentId: [3] })).toEqual({
    params: { agentName: "-" },
    search: { range: "7d", agentId: [3], name: ".." },
  });
  expect(placeOfTool("fetch", FIXED).search).toEqual(FIXED);
  expect([placeOfAgent("a").search, placeOfTool("a").search]).toEqual([{}, {}]);
});

test("a scope says the window in full, as other pages have other defaults", () => {
  expect(scopeOf({})).toEqual({ range: "24h", agentId: undefined });
  expect(scopeOf({ range: "7d", agentId: [3] })).toEqual({ range: "7d", agentId: [3] });
  expect(scopeOf(FIXED)).toEqual({ ...FIXED, agentId: undefined });
});
