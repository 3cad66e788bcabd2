"""Made-up agents at work: runs as the public API takes them, the same for the same seed.

A run is a tree of steps that follow each other: model calls, tool calls and sub-agents with steps of their own. Latencies and
tokens are log-normal, as measured ones are: most are small, a few are large. Nothing here names a real person or company.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any

from events.ids import IdMint, run_uuid
from events.simulated_agents import AGENTS, FACTS, QUESTIONS, Agent, Failure, Model, Tool

Event = dict[str, Any]

STEPS_MEAN_MAX = 200
STEPS_MAX = 1000
"""Most steps of one run, whatever the mean: a run goes into one batch."""
DEPTH_MAX = 2
"""How deep sub-agents may call sub-agents."""


@dataclass(slots=True, frozen=True)
class SimulatedRun:
    id: str
    """As a UUID."""
    events: list[Event]
    """In the order in which the agent sends them: the run's start, its steps, the run's end."""
    steps: int
    failed: bool


@dataclass(slots=True, frozen=True)
class Simulation:
    """An endless row of runs. Run number n depends on these values and on n only, ids included, so that any part of the row
    can be made again, and sent again without counting twice."""

    seed: int
    error_rate: float = 0.1
    """Which share of the runs fails, 0 to 1."""
    steps: float = 8.0
    """Steps a run has in the mean, at least 1."""

    def run(self, number: int, ended_at: datetime) -> SimulatedRun:
        """Run number `number` (from 0), placed in time so that it ends then."""
        name = blake2b(f"{self.seed} {number}".encode(), digest_size=32).digest()
        random = Random(name)
        failed = random.random() < self.error_rate
        return _Writer(random, IdMint(name)).write(_step_count(random, self.steps), failed, ended_at)


def _step_count(random: Random, mean: float) -> int:
    """1 and three geometric numbers: a hump with a long tail, and exactly the mean that is asked for."""
    if mean <= 1:
        return 1
    go_on = (mean - 1) / (mean + 2)
    count = 1
    for _ in range(3):
        while count < STEPS_MAX and random.random() < go_on:
            count += 1
    return count


@dataclass(slots=True)
class _Writer:
    """Writes one run. Times are microseconds from its start until all are known."""

    random: Random
    mint: IdMint
    now: int = 0
    run_id: str = ""
    steps: list[Event] = field(default_factory=list)
    failure: Event | None = None

    def write(self, count: int, failed: bool, ended_at: datetime) -> SimulatedRun:
        random = self.random
        self.run_id = run_uuid(self.mint.run_id())
        agent = random.choices(AGENTS, [agent.weight for agent in AGENTS])[0]
        topic = random.choice(QUESTIONS[agent.name])
        self._pause()
        self._work(agent, topic, count, None, fails=failed, depth=0)
        self._pause()
        began_at = ended_at - timedelta(microseconds=self.now)
        for step in self.steps:
            for name in ("startedAt", "finishedAt"):
                if name in step:
                    step[name] = _moment(began_at, step[name])
        start: Event = {
            "type": "run",
            "id": self.run_id,
            "agent": {"name": agent.name, "version": agent.version},
            "name": f"{agent.name}: {topic}",
            "status": "RUNNING",
            "input": {"question": topic, "channel": random.choice(("api", "chat", "schedule"))},
            "startedAt": _moment(began_at, 0),
            "tags": {"environment": random.choice(("production", "production", "staging")), "simulated": True},
        }
        if random.random() < 0.6:
            start["sessionId"] = f"session-{random.randrange(10**6):06d}"
        end = self._end(agent, topic, ended_at)
        return SimulatedRun(self.run_id, [start, *self.steps, end], count, failed)

    def _end(self, agent: Agent, topic: str, ended_at: datetime) -> Event:
        end: Event = {"type": "run", "id": self.run_id, "finishedAt": _moment(ended_at, 0)}
        if self.failure is not None:
            return end | {"status": "FAILED", "error": self.failure}
        end |= {"status": "SUCCESS", "output": {"answer": self._answer(topic)}}
        if self.random.random() < 0.4:
            end["metrics"] = [
                self._metric("answer_quality", self.random.betavariate(8, 2), {"judge": "rubric", "agent": agent.name}),
                self._metric("user_rating", float(self.random.choices((1, 2, 3, 4, 5), (1, 1, 3, 8, 9))[0]), {"scale": 5}),
            ]
        return end

    def _metric(self, name: str, value: float, tags: Event) -> Event:
        return {"id": run_uuid(self.mint.part_id()), "name": name, "value": round(value, 4), "tags": tags}

    def _work(self, agent: Agent, topic: str, count: int, parent: str | None, *, fails: bool, depth: int) -> None:
        """Writes `count` steps below `parent`, all that lie below them included; if it `fails`, then in the last of all."""
        thinks = True
        while count:
            if count >= 2 and not thinks and depth < DEPTH_MAX and agent.helpers and self.random.random() < 0.3:
                below = self.random.randint(1, min(count - 1, 12))
                count -= below + 1
                self._sub_agent(self.random.choice(agent.helpers), topic, below, parent, fails=fails and not count, depth=depth)
            else:
                count -= 1
                # An agent thinks before it acts, and it thinks last: that is its answer.
                if thinks or (not count and not fails):
                    self._model_call(agent.model, topic, parent, fails=fails and not count)
                else:
                    self._tool_call(self.random.choice(agent.tools), topic, parent, fails=fails and not count)
            thinks = not thinks
            self._pause()

    def _sub_agent(self, agent: Agent, topic: str, below: int, parent: str | None, *, fails: bool, depth: int) -> None:
        """The step is sent twice: when the sub-agent begins, and when it has ended."""
        start = self._step(parent, toolName=agent.name, kind="AGENT", startedAt=self.now, input={"task": topic})
        self._pause()
        self._work(agent, topic, below, start["id"], fails=fails, depth=depth + 1)
        end: Event = {"type": "step", "runId": self.run_id, "id": start["id"], "finishedAt": self.now}
        if fails and self.failure is not None:
            end["error"] = self.failure | {"message": f"{agent.name} gave up: {self.failure['message']}"}
        else:
            end["output"] = {"result": self._answer(topic)}
        self.steps.append(end)

    def _model_call(self, model: Model, topic: str, parent: str | None, *, fails: bool) -> None:
        random = self.random
        tokens_in = round(random.lognormvariate(6.8, 0.8))
        tokens_out = 0 if fails else round(random.lognormvariate(5.2, 0.9))
        step = self._step(
            parent,
            toolName="chat",
            kind="LLM",
            model=model.name,
            input=[{"role": "system", "content": "Answer from the facts you are given."}, {"role": "user", "content": topic}],
            attributes={"temperature": random.choice((0, 0.2, 0.7))},
            inputTokens=tokens_in,
            outputTokens=tokens_out,
            costUsd=round((tokens_in * model.input_usd + tokens_out * model.output_usd) / 1e6, 9),
        )
        # Longer answers take longer.
        self._take(step, (model.first_token_ms + tokens_out * model.token_ms) * random.lognormvariate(0, 0.35))
        self._finish(step, model.failures, fails, {"role": "assistant", "content": self._answer(topic)})

    def _tool_call(self, tool: Tool, topic: str, parent: str | None, *, fails: bool) -> None:
        random = self.random
        hits = random.randint(1, 4)
        step = self._step(
            parent, toolName=tool.name, kind=tool.kind, input={tool.argument: topic, "limit": random.choice((5, 10, 20))}
        )
        self._take(step, tool.median_ms * random.lognormvariate(0, tool.spread))
        output = {
            "results": [{"ref": f"{tool.name}-{random.randrange(10**5)}", "text": random.choice(FACTS)} for _ in range(hits)]
        }
        self._finish(step, tool.failures, fails, output)
        if tool.artifact and not fails and random.random() < 0.5:
            step["artifacts"] = [self._artifact(tool.artifact)]

    def _artifact(self, kind: str) -> Event:
        artifact_id = run_uuid(self.mint.part_id())
        if kind == "table":
            rows = [[f"row {row}", self.random.randrange(1000)] for row in range(3)]
            return {"id": artifact_id, "type": kind, "content": {"columns": ["name", "value"], "rows": rows}}
        return {"id": artifact_id, "type": kind, "url": f"https://files.example.com/{artifact_id}.{kind}"}

    def _step(self, parent: str | None, **fields: Any) -> Event:
        step: Event = {"type": "step", "runId": self.run_id, "id": self.mint.step_id()}
        if parent is not None:
            step["parentId"] = parent
        step |= fields
        self.steps.append(step)
        return step

    def _take(self, step: Event, milliseconds: float) -> None:
        step["startedAt"] = self.now
        self.now += max(1, round(milliseconds * 1000))
        step["finishedAt"] = self.now

    def _finish(self, step: Event, failures: tuple[Failure, ...], fails: bool, output: Any) -> None:
        if not fails:
            step["output"] = output
            return
        failure = self.random.choice(failures)
        name = step["toolName"]
        call_line, raise_line = self.random.randint(40, 160), self.random.randint(10, 90)
        stack = (
            "Traceback (most recent call last):",
            f'  File "agent/loop.py", line {call_line}, in act',
            f"    result = call({name!r}, arguments)",
            f'  File "agent/tools/{name}.py", line {raise_line}, in call',
            f"    raise {failure.type}(message)",
            f"{failure.type}: {failure.message}",
        )
        step["error"] = self.failure = {"type": failure.type, "message": failure.message, "stack": "\n".join(stack)}

    def _answer(self, topic: str) -> str:
        facts = self.random.sample(FACTS, self.random.randint(1, 3))
        return f"On {topic!r}: {' '.join(facts)}"

    def _pause(self) -> None:
        """The agent's own work between two steps."""
        self.now += round(self.random.lognormvariate(7.5, 0.7))


def _moment(began_at: datetime, microseconds: int) -> str:
    return (began_at + timedelta(microseconds=microseconds)).isoformat()
