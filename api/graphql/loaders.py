"""Batched loading: what many objects of a query need from the database comes with one statement."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from pydantic_core import from_json
from strawberry.dataloader import DataLoader

from db import queries
from db.run_list import RunFilter

if TYPE_CHECKING:
    from api.graphql.context import Context

Owner = TypeVar("Owner", bound=Hashable)
Row = tuple[Any, ...]
Item = dict[str, Any]
"""What a list shows of an object, by its JSON names."""

PAYLOADS = ("input", "output", "error", "attributes")
FIRST_STEP = (-(2**31), -(2**63))
FIRST_PART = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
"""Before all metrics and artifacts, by time and id."""


class StepKey(NamedTuple):
    run_id: UUID
    id: int


class ArtifactKey(NamedTuple):
    run_id: UUID
    id: UUID


class PageKey(NamedTuple, Generic[Owner]):
    """A page of what an object has many of."""

    owner: Owner
    limit: int
    after: Row


class PayloadKey(NamedTuple, Generic[Owner]):
    owner: Owner
    name: str
    """One of `PAYLOADS`."""


class Loaders:
    def __init__(self, context: "Context") -> None:
        self._context = context
        self.agents: DataLoader[int, Item | None] = DataLoader(self._load_agents)
        self.runs: DataLoader[UUID, Item | None] = DataLoader(self._load_runs)
        self.steps: DataLoader[PageKey[UUID], list[Row]] = DataLoader(self._load_steps)
        """Rows of run id, index, id, and the step as JSON text."""
        self.metrics: DataLoader[PageKey[UUID], list[Row]] = DataLoader(self._load_metrics)
        """Rows of run id, time, id, and the metric as JSON text."""
        self.artifacts: DataLoader[PageKey[StepKey], list[Row]] = DataLoader(self._load_artifacts)
        """Rows of run id, step id, time, id, and the artifact as JSON text."""
        self.run_payloads: DataLoader[PayloadKey[UUID], msgspec.Raw | None] = DataLoader(self._load_run_payloads)
        self.step_payloads: DataLoader[PayloadKey[StepKey], msgspec.Raw | None] = DataLoader(self._load_step_payloads)
        self.contents: DataLoader[ArtifactKey, msgspec.Raw | None] = DataLoader(self._load_contents)

    async def _load_agents(self, ids: list[int]) -> list[Item | None]:
        found = {row[0]: from_json(row[1]) for row in await self._context.fetch(queries.AGENTS_BY_ID, ids=ids)}
        return [found.get(agent_id) for agent_id in ids]

    async def _load_runs(self, ids: list[UUID]) -> list[Item | None]:
        runs = await self._context.find_runs(RunFilter(ids=tuple(ids)), limit=len(ids))
        found = {run.id: from_json(run.json) for run in runs}
        return [found.get(run_id) for run_id in ids]

    async def _load_steps(self, keys: list[PageKey[UUID]]) -> list[list[Row]]:
        async def load(run_ids: Sequence[UUID], limit: int, after: Row) -> list[Row]:
            index, step_id = after
            return await self._context.fetch(
                queries.RUNS_STEPS, run_ids=list(run_ids), limit=limit, after_index=index, after_id=step_id
            )

        return await _pages(keys, load, lambda row: row[0])

    async def _load_metrics(self, keys: list[PageKey[UUID]]) -> list[list[Row]]:
        async def load(run_ids: Sequence[UUID], limit: int, after: Row) -> list[Row]:
            moment, metric_id = after
            return await self._context.fetch(
                queries.RUNS_METRICS, run_ids=list(run_ids), limit=limit, after=moment, after_id=metric_id
            )

        return await _pages(keys, load, lambda row: row[0])

    async def _load_artifacts(self, keys: list[PageKey[StepKey]]) -> list[list[Row]]:
        async def load(steps: Sequence[StepKey], limit: int, after: Row) -> list[Row]:
            moment, artifact_id = after
            run_ids, step_ids = _unique(step.run_id for step in steps), _unique(step.id for step in steps)
            return await self._context.fetch(
                queries.STEPS_ARTIFACTS, run_ids=run_ids, step_ids=step_ids, limit=limit, after=moment, after_id=artifact_id
            )

        return await _pages(keys, load, lambda row: StepKey(row[0], row[1]))

    async def _load_run_payloads(self, keys: list[PayloadKey[UUID]]) -> list[msgspec.Raw | None]:
        run_ids = _unique(key.owner for key in keys)
        rows = await self._context.fetch(queries.RUNS_PAYLOADS, run_ids=run_ids, **_wanted(keys))
        return _payloads(keys, {row[0]: row[1:] for row in rows})

    async def _load_step_payloads(self, keys: list[PayloadKey[StepKey]]) -> list[msgspec.Raw | None]:
        steps = _unique(key.owner for key in keys)
        run_ids, step_ids = [step.run_id for step in steps], [step.id for step in steps]
        rows = await self._context.fetch(queries.STEPS_PAYLOADS, run_ids=run_ids, step_ids=step_ids, **_wanted(keys))
        return _payloads(keys, {StepKey(row[0], row[1]): row[2:] for row in rows})

    async def _load_contents(self, keys: list[ArtifactKey]) -> list[msgspec.Raw | None]:
        run_ids, artifact_ids = [key.run_id for key in keys], [key.id for key in keys]
        rows = await self._context.fetch(queries.ARTIFACTS_CONTENTS, run_ids=run_ids, artifact_ids=artifact_ids)
        found = {ArtifactKey(row[0], row[1]): row[2] for row in rows}
        return [_raw(found.get(key)) for key in keys]


async def _pages(
    keys: list[PageKey[Owner]],
    load: Callable[[Sequence[Owner], int, Row], Awaitable[list[Row]]],
    owner_of: Callable[[Row], Owner],
) -> list[list[Row]]:
    """The rows of each key. Keys that ask for the same page of different owners share a statement."""
    asked: dict[tuple[int, Row], list[Owner]] = defaultdict(list)
    for key in keys:
        asked[key.limit, key.after].append(key.owner)
    found: dict[PageKey[Owner], list[Row]] = defaultdict(list)
    for (limit, after), owners in asked.items():
        for row in await load(owners, limit, after):
            found[PageKey(owner_of(row), limit, after)].append(row)
    return [found[key] for key in keys]


def _wanted(keys: Iterable[PayloadKey[Any]]) -> dict[str, bool]:
    names = {key.name for key in keys}
    return {name: name in names for name in PAYLOADS}


def _payloads(keys: Iterable[PayloadKey[Owner]], found: dict[Owner, Row]) -> list[msgspec.Raw | None]:
    nothing = (None,) * len(PAYLOADS)
    return [_raw(found.get(key.owner, nothing)[PAYLOADS.index(key.name)]) for key in keys]


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


Key = TypeVar("Key", bound=Hashable)


def _unique(keys: Iterable[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))
