"""The canonical event: what the ingest API puts on a stream and the drain takes off it, as JSON.

A record is a partial upsert of one run or one step, or closes a silent run. An absent field leaves what is stored; a
present one replaces it.
Units: times are microseconds since 1970 UTC, money is nano-USD (10^-9 USD), so that sums are exact in any order.
Ids: a run is 32 and a step 16 lowercase hex digits, the OpenTelemetry trace and span id.
A payload (`input`, `output`, `error`, `attributes`, `tags`, `content`) is JSON text that Postgres can store as `jsonb`;
it travels unparsed.
"""

import json
from typing import Literal

import msgspec

RunStatus = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"]

ABSENT = msgspec.Raw()
"""A payload that the event does not bear. False in a truth test, as every JSON text is true."""


class AgentRef(msgspec.Struct, omit_defaults=True, frozen=True):
    """An agent by its name and version; the drain registers it on first sight."""

    name: str
    version: str = ""


class Metric(msgspec.Struct, omit_defaults=True):
    id: str
    """32 hex digits. A metric with the id of an earlier one replaces it."""
    name: str
    value: float
    tags: msgspec.Raw = ABSENT


class Artifact(msgspec.Struct, omit_defaults=True):
    id: str
    """32 hex digits. An artifact with the id of an earlier one replaces it."""
    type: str
    url: str | None = None
    content: msgspec.Raw = ABSENT


class RunRecord(msgspec.Struct, omit_defaults=True, tag_field="type", tag="run"):
    id: str
    agent: AgentRef | None = None
    agent_id: int | None = None
    user_id: int | None = None
    session_id: str | None = None
    name: str | None = None
    status: RunStatus | None = None
    input: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    started_at: int | None = None
    finished_at: int | None = None
    tags: msgspec.Raw = ABSENT
    attributes: msgspec.Raw = ABSENT
    metrics: list[Metric] = []

    @property
    def run_id(self) -> str:
        return self.id


class StepRecord(msgspec.Struct, omit_defaults=True, tag_field="type", tag="step"):
    run_id: str
    id: str
    parent_id: str | None = None
    index: int | None = None
    tool_name: str | None = None
    name: str | None = None
    """The span's name where it differs from `tool_name`."""
    kind: str | None = None
    model: str | None = None
    input: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    attributes: msgspec.Raw = ABSENT
    started_at: int | None = None
    finished_at: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int | None = None
    artifacts: list[Artifact] = []


class CloseRecord(msgspec.Struct, omit_defaults=True, tag_field="type", tag="close"):
    """Ends a run that has said nothing since a time, if it still has not when this takes effect. It makes no run."""

    run_id: str
    silent_since: int
    """When the run's last event was accepted, as the sender of this knew it."""
    after_seconds: int
    """The limit of its project, for the reason."""

    @property
    def error(self) -> msgspec.Raw:
        """What a run that is closed so gets as its error."""
        return msgspec.Raw(b'{"type":"stale","message":"the run said nothing for %d s"}' % self.after_seconds)


Record = RunRecord | StepRecord | CloseRecord

_decoder = json.JSONDecoder()
_decode_many = msgspec.json.Decoder(list[Record]).decode
_decode_raw_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.json.Decoder(Record).decode
encode = msgspec.json.Encoder().encode
"""Records to the JSON of a stream entry: `encode([record, ...])`."""


def decode(data: bytes) -> list[Record]:
    """The records of one stream entry.

    Raises:
        ValueError, RecursionError: the bytes are not a list of records.
    """
    return _decode_many(data)


def decode_each(data: bytes) -> list[tuple[Record | None, bytes, Exception | None]]:
    """As `decode`, but a record that cannot be read spoils only itself.

    Returns (record, its bytes, None) for a good one and (None, its bytes, why) for a bad one; what stands behind bytes that
    cannot be told apart is one bad record with them.
    """
    results: list[tuple[Record | None, bytes, Exception | None]] = []
    for text in _parts(data):
        try:
            results.append((_decode_one(text), text, None))
        except (ValueError, RecursionError) as error:
            results.append((None, text, error))
    return results


def _parts(data: bytes) -> list[bytes]:
    """The items of a JSON array. Where our parser cannot even pass over one, Python's is asked, which takes more."""
    try:
        return [bytes(part) for part in _decode_raw_many(data)]
    except (ValueError, RecursionError):
        text = data.decode(errors="surrogateescape")
    parts: list[str] = []
    rest = text.lstrip().removeprefix("[").lstrip()
    while rest not in ("", "]"):
        try:
            _, end = _decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            end = len(rest)
        parts.append(rest[:end])
        rest = rest[end:].strip().removeprefix(",").lstrip()
    return [part.encode(errors="surrogateescape") for part in parts] if len(parts) > 1 else [data]
