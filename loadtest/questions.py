"""What `make bench-read` asks: each question in many forms, of what is common and of what is rare."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from loadtest import corpus, database
from loadtest.database import Connection
from loadtest.history import BATCH_SESSION, DAYS

SEED = 20
PAGE = 50
DEEP_PAGE = 1000
QUANTILES = (0.001, 0.05, 0.5, 0.95, 0.999, 0.9999)
WINDOWS = (timedelta(hours=1), timedelta(hours=24), timedelta(days=7), timedelta(days=30))

LIST_MS = KPI_MS = 25.0
RUN_MS = 10.0
FIRST_STEPS_MS = 60.0
TEXT_MS = 150.0

GRAPHQL = """
query ($after: String) {
  runs(first: 20, after: $after) {
    edges { node { id agentName status durationMs costUsd steps(first: 20) { edges { node { id toolName durationMs } } } } }
    pageInfo { endCursor }
  }
}
"""


@dataclass(slots=True, frozen=True)
class Form:
    """One way to ask: a GET of `path`, or a POST of `body` to it."""

    path: str
    body: bytes | None = None


@dataclass(slots=True, frozen=True)
class Question:
    name: str
    title: str
    forms: Sequence[Form]
    target_ms: float | None = None
    """Of the 95th percentile."""


@dataclass(slots=True, frozen=True)
class Landmarks:
    """What there is to ask for."""

    ended_at: datetime
    agents: list[tuple[int, str, str]]
    """Id, name, version; this and the next two the busiest first."""
    users: list[int]
    sessions: list[str]
    runs_of_twenty: list[UUID]
    longest_run: UUID
    tickets: list[str]
    durations_ms: list[float]
    """At QUANTILES."""
    costs_usd: list[float]


def landmarks(connection: Connection) -> Landmarks:
    def column(statement: Any) -> list[Any]:
        return [value for (value,) in connection.execute(statement)]

    durations, costs = connection.execute(database.QUANTILES, {"fractions": list(QUANTILES)}).fetchall()[0]
    return Landmarks(
        ended_at=column(database.LAST_START)[0],
        agents=[(agent_id, name, version) for agent_id, name, version in connection.execute(database.BUSIEST_AGENTS)],
        users=column(database.BUSIEST_USERS),
        sessions=[BATCH_SESSION, *column(database.LARGEST_SESSIONS)],
        runs_of_twenty=column(database.RUNS_OF_TWENTY_STEPS),
        longest_run=column(database.LONGEST_RUN)[0],
        tickets=column(database.TICKETS),
        durations_ms=[value / 1000 for value in durations],
        costs_usd=[value / 1e9 for value in costs],
    )


def kpis(marks: Landmarks, count: int) -> Iterator[Question]:
    """Of windows of all lengths, most of them with edges that no roll-up has; of all agents, busy and quiet ones."""
    chance = random.Random(SEED)
    windows = [_window(chance, marks, number) for number in range(count)]
    agents = [{}, *({"agentId": agent_id} for agent_id, _, _ in _some(marks.agents)), {"agentName": marks.agents[0][1]}]

    def forms(route: str, **more: Any) -> list[Form]:
        return [_form(f"/v1/metrics/{route}", window | chance.choice(agents) | more) for window in windows]

    yield Question("summary", "KPI summary of any window", forms("summary"), KPI_MS)
    yield Question("timeseries", "KPI time series of any window", forms("timeseries"), KPI_MS)
    yield Question("tools", "KPIs by tool, of any window", forms("tools"))
    yield Question("models", "KPIs by model, of any window", forms("models"))
    yield Question("latency", "histogram of runs, of any window", forms("latency"))
    yield Question("latency_tool", "histogram of a tool, of any window", forms("latency", tool=corpus.TOOLS[0]))


def lists(marks: Landmarks) -> Iterator[Question]:
    """The first page of the list of runs by each filter and each sort."""
    for name, title, queries in (
        ("all", "all runs", [{}]),
        ("agent", "an agent", [{"agentId": agent_id} for agent_id, _, _ in _some(marks.agents)]),
        ("agent_name", "an agent's name", [{"agentName": name} for _, name, _ in _some(marks.agents)]),
        ("version", "a version", [{"agentVersion": version} for version in ("1.0.0", "1.1.0")]),
        ("status", "a status", [{"status": status} for status in corpus.STATUSES]),
        ("user", "a user", [{"userId": user} for user in _some(marks.users)]),
        ("session", "a session", [{"sessionId": session} for session in marks.sessions[:5]]),
        ("time", "a time range", [_window(random.Random(number), marks, number) for number in range(16)]),
        ("duration", "duration", _ranges("DurationMs", marks.durations_ms)),
        ("cost", "cost", _ranges("CostUsd", marks.costs_usd)),
        ("error", "having an error", [{"hasError": "true"}, {"hasError": "false"}]),
        ("tool", "a tool", [{"tool": tool} for tool in (*corpus.TOOLS[:2], corpus.TOOLS[12], *corpus.TOOLS[-2:])]),
        ("tag", "a tag", [{"tag": tag} for tag in ("environment=production", "team=support", "nightly", "beta", "canary")]),
        ("metric", "a metric", [{"metric": name} for name in corpus.METRICS]),
        ("metric_value", "a metric's value", [{"metric": f"answer_quality{test}"} for test in (">0.5", ">0.99", "<0.001")]),
        ("sort_duration", "all runs by duration", [{"sort": "duration"}]),
        ("sort_cost", "all runs by cost", [{"sort": "cost"}]),
        ("sort_steps", "all runs by steps", [{"sort": "steps"}]),
    ):
        forms = [_form("/v1/runs", query | {"limit": PAGE}) for query in queries]
        yield Question(f"runs_{name}", f"runs: {title}" if queries != [{}] else "runs", forms, LIST_MS)


def deep(question: Question, cursor_of: Callable[[str, int], str | None]) -> Question | None:
    """The same list far behind its start: at page 1,000 or, of a shorter one, at half of it or less; None if it has no pages.

    `cursor_of` gives the cursor behind so many runs of a list, or None if it has fewer.
    """
    forms = []
    for form in question.forms:
        behind = PAGE * (DEEP_PAGE - 1)
        while behind >= PAGE and (cursor := cursor_of(form.path, behind)) is None:
            behind //= 2
        if behind >= PAGE:
            forms.append(Form(f"{form.path}&cursor={cursor}"))
    title = f"{question.title}, page {DEEP_PAGE:,}"
    return replace(question, name=f"{question.name}_deep", title=title, forms=forms) if forms else None


def traces(marks: Landmarks, last_cursor: str) -> Iterator[Question]:
    """`last_cursor`: of the last page of the longest run."""
    steps = f"/v1/runs/{marks.longest_run}/steps"
    runs = [Form(f"/v1/runs/{run_id}") for run_id in marks.runs_of_twenty]
    yield Question("run", "a run of 20 steps", runs, RUN_MS)
    yield Question("steps_first", "a run of very many steps, first page", [Form(steps)], FIRST_STEPS_MS)
    yield Question("steps_last", "a run of very many steps, last page", [Form(f"{steps}?cursor={last_cursor}")], FIRST_STEPS_MS)
    yield Question("steps_thousand", "a run of very many steps, first 1,000", [Form(f"{steps}?limit=1000")])
    yield Question("run_long", "a run of very many steps, opened", [Form(f"/v1/runs/{marks.longest_run}")])


def texts(marks: Landmarks) -> Iterator[Question]:
    words = corpus.vocabulary()
    common, middling, rare = words[:5], words[100:600:100], words[5000:20_000:3000]
    for name, title, searched in (
        ("common", "words of nearly all runs", common),
        ("middling", "words of some runs in a hundred", middling),
        ("rare", "words of a run in a thousand", rare),
        ("single", "a word of one run", marks.tickets),
        ("none", "a word of no run", ["absentee"]),
        ("two_common", "two common words", [f"{first} {second}" for first, second in zip(common, middling, strict=True)]),
        ("two_rare", "a common and a rare word", [f"{first} {second}" for first, second in zip(common, rare, strict=True)]),
    ):
        forms = [_form("/v1/runs", {"q": text, "limit": PAGE}) for text in searched]
        yield Question(f"text_{name}", f"text: {title}", forms, TEXT_MS)
    mixed = [
        _form("/v1/runs", {"q": word, "agentId": agent_id, "limit": PAGE})
        for word in (common[0], middling[0], rare[0])
        for agent_id, _, _ in _some(marks.agents)
    ]
    yield Question("text_agent", "text: a word of an agent's runs", mixed, TEXT_MS)


def others(marks: Landmarks) -> Iterator[Question]:
    yield Question("sessions", "sessions", [_form("/v1/sessions", {"limit": PAGE})])
    yield Question("session_runs", "a session's runs", [Form(f"/v1/sessions/{name}/runs") for name in marks.sessions[:5]])
    yield Question("user_runs", "a user's runs", [Form(f"/v1/users/{user}/runs") for user in _some(marks.users)])
    yield Question("agents", "agents", [Form("/v1/agents")])
    body = json.dumps({"query": GRAPHQL}).encode()
    yield Question("graphql", "GraphQL: 20 runs and their steps", [Form("/graphql", body)])


def _form(route: str, query: dict[str, Any]) -> Form:
    return Form(f"{route}?{urlencode(query)}")


def _some(busiest_first: Sequence[Any]) -> list[Any]:
    """The busiest, some between, and the quietest."""
    last = len(busiest_first) - 1
    return [busiest_first[place] for place in sorted({0, last // 10, last // 2, last})]


def _window(chance: random.Random, marks: Landmarks, number: int) -> dict[str, Any]:
    """Three of four lie anywhere to the microsecond, one begins with its hour; every length in turn."""
    length = WINDOWS[number % len(WINDOWS)]
    latest = timedelta(days=DAYS) - length
    end = marks.ended_at - latest * chance.random() - timedelta(microseconds=chance.randrange(10**6))
    if number // len(WINDOWS) % 4 == 0:
        end = end.replace(minute=0, second=0, microsecond=0)
    return {"from": (end - length).isoformat(), "to": end.isoformat()}


def _ranges(what: str, quantiles: Sequence[float]) -> list[dict[str, Any]]:
    """Nearly all, most, half, few and hardly any from above; few and half from below; and a narrow band."""
    _, low, half, high, higher, highest = quantiles
    above = [{f"min{what}": value} for value in (low, half, high, higher, highest)]
    below = [{f"max{what}": value} for value in (quantiles[0], low, half)]
    return [*above, *below, {f"min{what}": half, f"max{what}": half * 1.001}]
