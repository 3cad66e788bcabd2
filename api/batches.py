"""Batches of events: all at once where all are valid, one by one where some are not."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import FailFast, TypeAdapter, ValidationError
from pydantic_core import from_json

from api.errors import details_of, malformed_json
from events import plain_events
from events.exceptions import BodyTooLarge, InvalidEvent
from events.ids import IdMint
from events.instrumentation import EVENTS_REJECTED
from events.models import EventIn, RunEvent, StepEvent
from events.payloads import PayloadEncoder
from events.records import Record

ERRORS_LISTED_MAX = 1000
"""An answer lists at most this many errors; `rejected` counts all."""

_Event = RunEvent | StepEvent
_many: TypeAdapter[list[_Event]] = TypeAdapter(Annotated[list[EventIn], FailFast()])
_one: TypeAdapter[_Event] = TypeAdapter(EventIn)


@dataclass(slots=True)
class DecodedBatch:
    records: list[Record] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """The index of each record in the batch."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    rejected: int = 0

    def reject(self, index: int, details: list[dict[str, Any]]) -> None:
        self.rejected += 1
        EVENTS_REJECTED.inc()
        self.errors += [{"index": index, **detail} for detail in details]

    def reject_record(self, place: int, path: str, reason: str) -> None:
        """Takes a record back out; later places first, as the ones behind it move up."""
        del self.records[place]
        self.reject(self.places.pop(place), [{"path": path, "reason": reason}])

    def error_list(self) -> list[dict[str, Any]]:
        return sorted(self.errors, key=lambda error: error["index"])[:ERRORS_LISTED_MAX]


def decode(body: bytes, lines: bool, mint: IdMint, payloads: PayloadEncoder, events_max: int) -> DecodedBatch:
    """The records of a JSON array of events, or of one event a line.

    Raises:
        MalformedBody: it is not JSON, or not an array.
        BodyTooLarge: it holds more than `events_max` events.
    """
    parts = [line for line in body.splitlines() if line.strip()] if lines else None
    if parts is not None:
        _check_size(len(parts), events_max)
        body = b"[" + b",".join(parts) + b"]"
    if payloads.is_plain and (plain := plain_events.read_many(body)) and (parts is None or _is_one_a_line(parts, len(plain))):
        _check_size(len(plain), events_max)
        return DecodedBatch([event.to_record(mint, payloads) for event in plain], list(range(len(plain))))
    batch = DecodedBatch()
    try:
        events = _many.validate_json(body)
    except ValidationError as error:
        if parts is None and not error.errors(include_url=False, include_input=False)[0]["loc"]:
            raise malformed_json(body, error, "a JSON array of events") from None
        _decode_each(batch, from_json(body) if parts is None else parts, mint, payloads, events_max)
        return batch
    if parts is not None and not _is_one_a_line(parts, len(events)):
        _decode_each(batch, parts, mint, payloads, events_max)
        return batch
    _check_size(len(events), events_max)
    for index, event in enumerate(events):
        _add(batch, index, event, mint, payloads)
    return batch


def _is_one_a_line(lines: list[bytes], events: int) -> bool:
    """Lines that are no events may become some when commas join them, and only then."""
    return len(lines) == events and all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines)


def _decode_each(batch: DecodedBatch, parts: list[Any], mint: IdMint, payloads: PayloadEncoder, events_max: int) -> None:
    _check_size(len(parts), events_max)
    for index, part in enumerate(parts):
        try:
            event = _one.validate_json(part) if isinstance(part, bytes) else _one.validate_python(part)
        except ValidationError as error:
            batch.reject(index, details_of(error))
        else:
            _add(batch, index, event, mint, payloads)


def _add(batch: DecodedBatch, index: int, event: _Event, mint: IdMint, payloads: PayloadEncoder) -> None:
    try:
        record = event.to_record(mint, payloads)
    except InvalidEvent as error:
        batch.reject(index, error.details)
        return
    batch.records.append(record)
    batch.places.append(index)


def _check_size(events: int, events_max: int) -> None:
    if events > events_max:
        raise BodyTooLarge(
            f"The batch holds {events} events; at most {events_max} go into one.", details={"limitEvents": events_max}
        )
