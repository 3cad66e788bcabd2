"""A made-up history of runs: some agents busy, most quiet, over thirty days, as the state that the drain writes rows from.

The same seed, size and end give the same history, in whatever order and by how many processes its parts are made.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, cycle, islice, pairwise
from typing import TypeVar

from events.records import Artifact, Metric
from loadtest import corpus
from loadtest.corpus import Failure, Kind
from worker.state import MICROSECONDS_A_DAY, RunState, StepState

SEED = 20
DAYS = 30
STEPS_A_RUN = 10
RUNS_A_PART = 10_000
PROJECT_ID = 1

AGENT_NAMES = 40
QUIETEST_SHARE = 1e-5
"""Of all runs, of the one agent that hardly ever runs."""
USERS = 200
USER_SHARE = 0.6
SESSION_SHARE = 0.5
BATCH_SESSION = "nightly-import"
BATCH_SESSION_SHARE = 0.06
"""One session with runs enough for a thousand pages."""
TREE_SHARE = 0.3
STEP_FAILURE_SHARE = 0.03
ARTIFACT_SHARE = 0.05

HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 11, 12, 12, 11, 9, 7, 5, 4, 4, 3, 3)
"""How busy each hour of the day is."""

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_ACCEPTED_AFTER = 20_000
_NEW_VERSION_DAY = 18
_T = TypeVar("_T")


@dataclass(slots=True, frozen=True)
class Hour:
    """Times are microseconds since 1970."""

    began_at: int
    ended_at: int
    runs: int


@dataclass(slots=True, frozen=True)
class Part:
    """Some hours of one day."""

    number: int
    hours: tuple[Hour, ...]
    long_steps: int = 0
    """Not 0: the one run of so many steps is all that it holds."""

    @property
    def day(self) -> int:
        """In days since 1970."""
        return self.hours[0].began_at // MICROSECONDS_A_DAY


@dataclass(slots=True, frozen=True)
class Cast:
    """Who acts: ids of agents by name and version, and of users, the busiest first."""

    agents: tuple[tuple[int, ...], ...]
    users: tuple[int, ...]


def agent_versions() -> list[tuple[str, ...]]:
    """Of each agent name; a second one comes up within the history."""
    return [("1.0.0", "1.1.0") if number % 2 else ("1.0.0",) for number in range(AGENT_NAMES)]


def agent_name(number: int) -> str:
    return f"agent-{number:02d}"


def parts(runs: int, ended_at: int, long_steps: int) -> list[Part]:
    """The parts of a history of so many runs that ends then, in order of time."""
    found: list[Part] = []
    waiting: list[Hour] = []
    for hour in _hours(runs, ended_at):
        if waiting and (hour.began_at % MICROSECONDS_A_DAY == 0 or sum(item.runs for item in waiting) >= RUNS_A_PART):
            found.append(Part(len(found), tuple(waiting)))
            waiting = []
        waiting.append(hour)
    found.append(Part(len(found), tuple(waiting)))
    if long_steps:
        morning = ended_at - ended_at % MICROSECONDS_A_DAY - 15 * _HOUR
        found.append(Part(len(found), (Hour(morning, morning + _HOUR, 1),), long_steps))
    return found


def _hours(runs: int, ended_at: int) -> Iterator[Hour]:
    began_at = ended_at - DAYS * MICROSECONDS_A_DAY
    edges = [began_at, *range(began_at - began_at % _HOUR + _HOUR, ended_at, _HOUR), ended_at]
    weights = [(end - start) * HOUR_WEIGHTS[start // _HOUR % 24] for start, end in pairwise(edges)]
    due = [runs * weight // sum(weights) for weight in accumulate(weights)]
    for (start, end), before, after in zip(pairwise(edges), [0, *due], due, strict=False):
        yield Hour(start, end, after - before)


def runs_of(part: Part, cast: Cast, ended_at: int) -> Iterator[RunState]:
    """The runs of a part in order of time, each with its steps in `touched`."""
    chance = random.Random(f"{SEED} {part.number} {ended_at}")
    writer = _Writer(chance, cast, ended_at)
    if part.long_steps:
        yield writer.run(part.hours[0].began_at, part.long_steps)
        return
    # A run is accepted just after it began, on the same day.
    starts = [sorted(chance.randrange(hour.began_at, hour.ended_at - _SECOND) for _ in range(hour.runs)) for hour in part.hours]
    counts = _step_counts(chance, sum(hour.runs for hour in part.hours))
    for started_at, count in zip(chain.from_iterable(starts), counts, strict=True):
        yield writer.run(started_at, count)


def _step_counts(chance: random.Random, runs: int) -> list[int]:
    """0 to 20 each, and exactly STEPS_A_RUN in the mean."""
    differences = [chance.randrange(STEPS_A_RUN + 1) for _ in range(runs // 2)]
    counts = [STEPS_A_RUN + difference for difference in differences] + [STEPS_A_RUN - difference for difference in differences]
    counts += [STEPS_A_RUN] * (runs % 2)
    chance.shuffle(counts)
    return counts


def _circle(chance: random.Random, values: Sequence[_T], shares: Sequence[float] | None, length: int) -> "cycle[_T]":
    """Draws of which every value has its share, over and over: much cheaper than to draw each time."""
    return cycle(chance.choices(values, shares, k=length))


def _from_anywhere(chance: random.Random, values: Sequence[_T]) -> "cycle[_T]":
    """The values over and over, the first one any of them."""
    first = chance.randrange(len(values))
    circle = cycle(values)
    next(islice(circle, first, first), None)
    return circle


def _zipf(count: int, exponent: float) -> list[float]:
    return [rank**-exponent for rank in range(1, count + 1)]


class _Writer:
    """Writes runs, one after the other."""

    def __init__(self, chance: random.Random, cast: Cast, ended_at: int) -> None:
        self._random = chance
        self._cast = cast
        self._ended_at = ended_at
        kinds = corpus.kinds()
        agent_weights = _zipf(AGENT_NAMES - 1, 1.6)
        # Circles of prime lengths, so that no two of them come around together.
        self._agent = _circle(chance, range(AGENT_NAMES), [*agent_weights, QUIETEST_SHARE * sum(agent_weights)], 20_011)
        self._user = _circle(chance, cast.users, _zipf(len(cast.users), 0.9), 10_007)
        self._status = _circle(chance, list(corpus.STATUSES), list(corpus.STATUSES.values()), 10_037)
        self._tags = _circle(chance, corpus.tags(), [share for _, share in corpus.TAGS], 10_009)
        self._kind = _circle(chance, kinds, [kind.share for kind in kinds], 65_521)
        self._fails = _circle(chance, (True, False), (STEP_FAILURE_SHARE, 1 - STEP_FAILURE_SHARE), 30_011)
        self._failure = _circle(chance, corpus.failures(), None, 4999)
        self._slowness = _from_anywhere(chance, [chance.lognormvariate(0, 0.8) for _ in range(32_749)])
        self._tokens = _from_anywhere(chance, [int(chance.lognormvariate(6, 1)) for _ in range(9001)])
        self._input = _from_anywhere(chance, corpus.inputs())
        self._output = _from_anywhere(chance, corpus.outputs())

    def run(self, started_at: int, count: int) -> RunState:
        chance = self._random
        run = RunState(PROJECT_ID, chance.randbytes(16).hex(), started_at + _ACCEPTED_AFTER)
        run.whole = True
        run.started_at = started_at
        agent = next(self._agent)
        versions = self._cast.agents[agent]
        run.agent_id = versions[-1] if self._is_late(started_at) else versions[0]
        self._add_people(run)
        run.name = corpus.phrase(chance, 3)
        run.status = next(self._status)
        run.input = corpus.run_input(chance, chance.getrandbits(40))
        run.tags = next(self._tags)
        ended_at = self._add_steps(run, count, 0.5 + agent % 7 / 4)
        self._end(run, ended_at + 1000)
        for name, share in corpus.METRICS.items():
            if chance.random() < share:
                metric = Metric(chance.randbytes(16).hex(), name, round(chance.random(), 4))
                run.metrics[metric.id] = (metric, run.accepted_at)
        return run

    def _is_late(self, started_at: int) -> bool:
        return started_at > self._ended_at - (DAYS - _NEW_VERSION_DAY) * MICROSECONDS_A_DAY

    def _add_people(self, run: RunState) -> None:
        chance = self._random.random()
        if chance < BATCH_SESSION_SHARE:
            run.session_id = BATCH_SESSION
        elif chance < USER_SHARE:
            run.user_id = next(self._user)
            if chance < SESSION_SHARE:
                run.session_id = f"s-{run.user_id}-{run.started_at // _HOUR}"

    def _add_steps(self, run: RunState, count: int, pace: float) -> int:
        """Steps that follow each other; returns when the last one ended."""
        ids = self._random.randbytes(8 * count).hex()
        root: StepState | None = None
        now = run.started_at + 2000
        for index in range(count):
            step = StepState(ids[16 * index : 16 * index + 16], index)
            self._fill(step, next(self._kind), now, pace)
            now = step.finished_at or now
            if root is not None:
                step.parent_id = root.id
                root.usage_below = root.usage_below or step.has_usage
                root.finished_at = now
            elif not index and count > 1 and self._random.random() < TREE_SHARE:
                root = step
                step.tool_name, step.name, step.kind, step.model = None, "agent", "AGENT", None
                step.input_tokens = step.output_tokens = step.cost_nano_usd = None
            run.touched[step.id] = run.steps[step.id] = step
        run.next_index = count
        if count and self._random.random() < ARTIFACT_SHARE:
            self._add_artifact(run)
        return now

    def _fill(self, step: StepState, kind: Kind, started_at: int, pace: float) -> None:
        step.tool_name, step.name, step.kind, step.model = kind.tool_name, kind.name, kind.kind, kind.model
        step.started_at = started_at
        step.finished_at = started_at + int(kind.median_microseconds * next(self._slowness) * pace)
        step.input = next(self._input)
        if next(self._fails):
            self._fail(step, next(self._failure))
        else:
            step.output = next(self._output)
        if kind.nano_usd_a_token is not None:
            price_in, price_out = kind.nano_usd_a_token
            step.input_tokens = tokens_in = next(self._tokens)
            step.output_tokens = tokens_out = next(self._tokens) // 3
            step.cost_nano_usd = tokens_in * price_in + tokens_out * price_out

    @staticmethod
    def _fail(step: StepState, failure: Failure) -> None:
        step.failed = True
        step.error, step.error_id = failure.payload, failure.group.id

    def _add_artifact(self, run: RunState) -> None:
        step_id = next(reversed(run.touched))
        artifact_id = self._random.randbytes(16).hex()
        artifact = Artifact(artifact_id, "image/png", f"https://files.example.com/{artifact_id}.png")
        run.artifacts[artifact_id] = (step_id, artifact, run.accepted_at)

    def _end(self, run: RunState, ended_at: int) -> None:
        """As its status says; a run that would still be at work when the history ends is RUNNING."""
        if ended_at > self._ended_at and run.status not in ("RUNNING", "PENDING"):
            run.status = "RUNNING"
        if run.status in ("RUNNING", "PENDING"):
            return
        run.finished_at = ended_at
        if run.status == "SUCCESS":
            run.output = corpus.run_output(self._random)
        elif run.status == "FAILED":
            failure = next(self._failure)
            run.error, run.error_id = failure.payload, failure.group.id
            if run.touched:
                self._fail(next(reversed(run.touched.values())), failure)
