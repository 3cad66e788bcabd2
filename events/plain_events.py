"""Events as nearly all clients send them, read without pydantic, several times as fast.

This accepts less than `events/models.py`, which is the contract, and what it accepts it takes for the same. For all else
pydantic is asked: for what may be coerced, for each error and its words, and where the body is not plain JSON.
Payloads are not parsed: they stay the text that they are.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta
from pydantic import BaseModel

from events.event_records import run_record, step_record
from events.ids import IdMint, is_run_id, is_step_id
from events.limits import COST_USD_MAX, INDEX_MAX, NAME_CHARS_MAX, PARTS_MAX, TOKENS_MAX
from events.models import (
    URL_CHARS_MAX,
    RunCreate,
    RunPatch,
    StepCreate,
    StepKind,
    StepPatch,
    to_utc,
)
from events.payloads import PayloadEncoder
from events.plain_json import check_depth
from events.records import ABSENT, Record, RunRecord, RunStatus, StepRecord
from events.secret_patterns import finder

TAGS_BYTES_MAX = 4096
"""What is shorter cannot be more than PARTS_MAX tags, names that stand there twice included."""
IDS_KNOWN = 4096

_T = TypeVar("_T")

Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Id = Annotated[int, Meta(ge=1, lt=2**31)]
Tokens = Annotated[int, Meta(ge=0, le=TOKENS_MAX)]
Parts = Meta(max_length=PARTS_MAX)

_has_nanoseconds = finder([r":[0-5][0-9]\.[0-9]{7}"])
"""Whether a text may hold a time that msgspec would round, and pydantic cuts."""
_check_tags = msgspec.json.Decoder(list[Name] | dict[Name, msgspec.Raw] | None).decode


@lru_cache(IDS_KNOWN)
def run_hex(run_id: str) -> str:
    """The 32 hex digits of a run's id. Raises ValueError if pydantic has to be asked."""
    if not is_run_id(run_id):
        raise ValueError(run_id)
    return UUID(run_id).hex


def step_hex(step_id: str) -> str:
    """The 16 hex digits of a step's id. Raises ValueError if it is none."""
    if not is_step_id(step_id):
        raise ValueError(step_id)
    return step_id.lower()


parent_hex = lru_cache(IDS_KNOWN)(step_hex)
"""As `step_hex`: siblings come together."""


class _Plain(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    pass


def _check_object(value: msgspec.Raw) -> None:
    """Raises ValueError if this is not an object, or may be too deep."""
    if value:
        check_depth(value)
        if bytes(value)[:1] not in (b"{", b"n"):
            raise ValueError("no object")


class PlainAgent(_Plain, kw_only=True):
    name: Name
    version: Annotated[str, Meta(max_length=NAME_CHARS_MAX)] = ""


class PlainMetric(_Plain, kw_only=True):
    id: UUID | None = None
    name: Name
    value: float
    tags: msgspec.Raw = ABSENT

    def __post_init__(self) -> None:
        _check_object(self.tags)


class PlainArtifact(_Plain, kw_only=True):
    id: UUID | None = None
    type: Name
    url: Annotated[str, Meta(min_length=1, max_length=URL_CHARS_MAX)] | None = None
    content: msgspec.Raw = ABSENT

    def __post_init__(self) -> None:
        check_depth(self.content)
        if (self.url is None) != bool(self.content) or bytes(self.content) == b"null":
            raise ValueError("either a url or content")


class _PlainEvent(_Plain, kw_only=True):
    name: Name | None = None
    input: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    attributes: msgspec.Raw = ABSENT
    started_at: datetime | None = None
    finished_at: datetime | None = None


def _check_event(event: _PlainEvent) -> None:
    for payload in (event.input, event.output, event.error):
        if payload is not ABSENT:
            check_depth(payload)
    if event.attributes is not ABSENT:
        _check_object(event.attributes)
    if event.started_at is not None:
        event.started_at = to_utc(event.started_at)
    if event.finished_at is not None:
        event.finished_at = to_utc(event.finished_at)


class PlainRunFields(_PlainEvent, kw_only=True):
    agent: PlainAgent | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    session_id: Name | None = None
    status: RunStatus | None = None
    tags: msgspec.Raw = ABSENT
    metrics: Annotated[list[PlainMetric], Parts] | None = None

    def __post_init__(self) -> None:
        _check_event(self)
        if self.tags is not ABSENT:
            if len(self.tags) > TAGS_BYTES_MAX:
                raise ValueError("perhaps too many tags")
            check_depth(self.tags)
            _check_tags(self.tags)
        if self.agent is not None and self.agent_id is not None:
            raise ValueError("two agents")

    def to_run(self, run_id: str, mint: IdMint, payloads: PayloadEncoder) -> RunRecord:
        return run_record(self, run_id, mint, payloads)


class PlainRunCreate(PlainRunFields, kw_only=True):
    id: UUID | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.agent is None and self.agent_id is None:
            raise ValueError("no agent")
        if self.id is not None and self.id.int == 0:
            raise ValueError("all zeros")


class PlainRun(PlainRunFields, tag_field="type", tag="run", kw_only=True):
    id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.id = run_hex(self.id)

    def to_record(self, mint: IdMint, payloads: PayloadEncoder) -> Record:
        return run_record(self, self.id, mint, payloads)


class PlainStepFields(_PlainEvent, kw_only=True):
    parent_id: str | None = None
    index: Annotated[int, Meta(ge=0, le=INDEX_MAX)] | None = None
    tool_name: Name | None = None
    kind: StepKind | None = None
    model: Name | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_usd: Annotated[float, Meta(ge=0, le=COST_USD_MAX)] | None = None
    artifacts: Annotated[list[PlainArtifact], Parts] | None = None

    def __post_init__(self) -> None:
        _check_event(self)
        if self.parent_id is not None:
            self.parent_id = parent_hex(self.parent_id)

    def to_step(self, run_id: str, step_id: str, mint: IdMint, payloads: PayloadEncoder) -> StepRecord:
        return step_record(self, run_id, step_id, mint, payloads)


class PlainStepCreate(PlainStepFields, kw_only=True):
    id: str | None = None
    tool_name: Name

    def __post_init__(self) -> None:
        super().__post_init__()
        self.id = _own_id(self)


class PlainStep(PlainStepFields, tag_field="type", tag="step", kw_only=True):
    run_id: str
    id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.run_id = run_hex(self.run_id)
        self.id = _own_id(self)

    def to_record(self, mint: IdMint, payloads: PayloadEncoder) -> Record:
        return step_record(self, self.run_id, self.id or mint.step_id(), mint, payloads)


def _own_id(step: PlainStepCreate | PlainStep) -> str | None:
    if step.id is None:
        return None
    step_id = step_hex(step.id)
    if step_id == step.parent_id:
        raise ValueError("its own parent")
    return step_id


_decode_many = msgspec.json.Decoder(list[PlainRun | PlainStep]).decode
_decode_one: dict[type[BaseModel], Callable[[bytes], Any]] = {
    model: msgspec.json.Decoder(plain).decode
    for model, plain in (
        (RunCreate, PlainRunCreate),
        (RunPatch, PlainRunFields),
        (StepCreate, PlainStepCreate),
        (StepPatch, PlainStepFields),
    )
}


def read_many(body: bytes) -> list[PlainRun | PlainStep] | None:
    """The events of a JSON array in a plain body; None if pydantic has to be asked."""
    return _read(_decode_many, body)


def read(model: type[BaseModel], body: bytes) -> Any:
    """A plain body as what bears the same names as the model; None if pydantic has to be asked."""
    return _read(_decode_one[model], body)


def _read(decode: Callable[[bytes], _T], body: bytes) -> _T | None:
    if _has_nanoseconds(body.decode()):
        return None
    try:
        return decode(body)
    except (ValueError, RecursionError):
        return None
