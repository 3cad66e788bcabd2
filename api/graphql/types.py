"""Runs and what they hold. What a list does not show comes through loaders, and only if it is asked for."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import strawberry
from pydantic_core import from_json

from api.graphql.connections import After, Connection, First, connect
from api.graphql.context import Info
from api.graphql.fields import camel, described
from api.graphql.limits import PARTS_DEFAULT, STEPS_DEFAULT
from api.graphql.loaders import FIRST_PART, FIRST_STEP, ArtifactKey, Item, PageKey, PayloadKey, Row, StepKey
from api.graphql.scalars import JSON, BigInt, Moment, StepId, Uuid
from api.pages import decode_cursor, encode_cursor, not_ours

T = TypeVar("T")
Raw = msgspec.Raw | None


@strawberry.enum
class RunStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@strawberry.enum
class StepStatus(StrEnum):
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


@strawberry.type(description="A named program; each of its versions is an agent of its own.")
class Agent:
    id: int
    name: str
    version: str
    created_at: Moment


@strawberry.type(description="A named number on a run.")
class Metric:
    id: Uuid
    name: str
    value: float
    tags: JSON | None
    created_at: Moment


@strawberry.type(description="What a step produced: it is at `url`, or it is `content`.")
class Artifact:
    id: Uuid
    run_id: Uuid
    type: str
    url: str | None
    created_at: Moment

    @strawberry.field
    async def content(self, info: Info) -> JSON | None:
        return _json(await info.context.loaders.contents.load(ArtifactKey(UUID(self.run_id), UUID(self.id))))


@strawberry.type(description="A unit of work in a run, such as a tool call or a model call.")
class Step:
    id: StepId
    run_id: Uuid
    parent_id: StepId | None
    index: int
    tool_name: str | None
    name: str | None
    kind: str | None
    model: str | None
    status: StepStatus
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: float | None
    input_tokens: BigInt | None
    output_tokens: BigInt | None
    cost_usd: float | None

    @strawberry.field
    async def input(self, info: Info) -> JSON | None:
        return await self._payload(info, "input")

    @strawberry.field
    async def output(self, info: Info) -> JSON | None:
        return await self._payload(info, "output")

    @strawberry.field
    async def error(self, info: Info) -> JSON | None:
        return await self._payload(info, "error")

    @strawberry.field
    async def attributes(self, info: Info) -> JSON | None:
        return await self._payload(info, "attributes")

    @strawberry.field
    async def run(self, info: Info) -> "Run | None":
        return run_of(await info.context.loaders.runs.load(UUID(self.run_id)))

    @strawberry.field
    async def artifacts(self, info: Info, first: First = PARTS_DEFAULT, after: After = None) -> Connection[Artifact]:
        rows = await info.context.loaders.artifacts.load(PageKey(self._key, first + 1, _part_position(after)))
        return connect([(_made(Artifact, from_json(row[4])), _part_cursor(row[2:4])) for row in rows], first, after)

    @property
    def _key(self) -> StepKey:
        return StepKey(UUID(self.run_id), int.from_bytes(bytes.fromhex(self.id), "big", signed=True))

    async def _payload(self, info: Info, name: str) -> JSON | None:
        return _json(await info.context.loaders.step_payloads.load(PayloadKey(self._key, name)))


@strawberry.type(description="One execution of an agent.")
class Run:
    id: Uuid
    agent_id: int | None
    agent_name: str | None
    agent_version: str | None
    user_id: int | None
    session_id: str | None
    name: str | None
    status: RunStatus
    started_at: Moment
    finished_at: Moment | None
    duration_ms: float | None
    step_count: BigInt
    error_count: BigInt = strawberry.field(description="Of its steps, those that failed.")
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float
    tags: JSON | None
    last_event_at: Moment = strawberry.field(description="When its last event was accepted.")
    stale: bool = strawberry.field(description="It was closed because it said nothing, or is about to be.")

    @strawberry.field
    async def input(self, info: Info) -> JSON | None:
        return await self._payload(info, "input")

    @strawberry.field
    async def output(self, info: Info) -> JSON | None:
        return await self._payload(info, "output")

    @strawberry.field
    async def error(self, info: Info) -> JSON | None:
        return await self._payload(info, "error")

    @strawberry.field
    async def attributes(self, info: Info) -> JSON | None:
        return await self._payload(info, "attributes")

    @strawberry.field
    async def agent(self, info: Info) -> Agent | None:
        if self.agent_id is None:
            return None
        item = await info.context.loaders.agents.load(self.agent_id)
        return None if item is None else _made(Agent, item)

    @described("In order of their index.")
    async def steps(self, info: Info, first: First = STEPS_DEFAULT, after: After = None) -> Connection[Step]:
        rows = await info.context.loaders.steps.load(PageKey(UUID(self.id), first + 1, _step_position(after)))
        return connect([(_step_of(row), partial(encode_cursor, row[1], row[2])) for row in rows], first, after)

    @described("In order of their coming.")
    async def metrics(self, info: Info, first: First = PARTS_DEFAULT, after: After = None) -> Connection[Metric]:
        rows = await info.context.loaders.metrics.load(PageKey(UUID(self.id), first + 1, _part_position(after)))
        return connect([(_made(Metric, from_json(row[3])), _part_cursor(row[1:3])) for row in rows], first, after)

    async def _payload(self, info: Info, name: str) -> JSON | None:
        return _json(await info.context.loaders.run_payloads.load(PayloadKey(UUID(self.id), name)))


@strawberry.type(description="Runs that belong together; `runs(filter: {sessionId: ...})` has them.")
class Session:
    id: str
    user_id: int | None
    run_count: BigInt
    failed_count: BigInt
    first_started_at: Moment
    last_started_at: Moment
    last_run_id: Uuid
    step_count: BigInt
    error_count: BigInt
    input_tokens: BigInt
    output_tokens: BigInt
    cost_usd: float


def run_of(item: Item | None) -> Run | None:
    return None if item is None else _made(Run, {**item, "status": RunStatus(item["status"])})


def agent_of(text: str) -> Agent:
    return _made(Agent, from_json(text))


def session_of(text: str) -> Session:
    return _made(Session, from_json(text))


def _step_of(row: Row) -> Step:
    item = from_json(row[3])
    return _made(Step, {**item, "status": StepStatus(item["status"])})


def _made(kind: type[T], item: Item) -> T:
    return kind(**{name: item[key] for name, key in _NAMES[kind]})


_NAMES: dict[type[Any], list[tuple[str, str]]] = {
    kind: [(field.name, camel(field.name)) for field in dataclasses.fields(kind) if field.init]
    for kind in (Agent, Artifact, Metric, Run, Session, Step)
}
"""The fields that a list shows, by their names here and in JSON."""


def _json(text: Raw) -> JSON | None:
    return None if text is None else JSON(text)


def _step_position(cursor: str | None) -> Row:
    if cursor is None:
        return FIRST_STEP
    index, step_id = decode_cursor(cursor, 2)
    if type(index) is not int or type(step_id) is not int or not -(2**31) <= index < 2**31 or not -(2**63) <= step_id < 2**63:
        raise not_ours()
    return index, step_id


def _part_position(cursor: str | None) -> Row:
    if cursor is None:
        return FIRST_PART
    try:
        moment, part_id = decode_cursor(cursor, 2)
        made = datetime.fromisoformat(moment)
        if made.tzinfo is None:
            raise ValueError
        return made, UUID(part_id)
    except (ValueError, TypeError, AttributeError):
        raise not_ours() from None


def _part_cursor(place: Row) -> partial[str]:
    moment, part_id = place
    return partial(encode_cursor, moment, str(part_id))
