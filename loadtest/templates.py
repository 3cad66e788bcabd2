"""Request bodies made beforehand: only their ids are new each time, as a load test's CPU is for sending.

Each comes with its rows, which stand in the database once the body is acknowledged: see `loadtest.ledger`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events import otlp
from events.payloads import PayloadEncoder
from events.records import ABSENT, Record, RunRecord, StepRecord
from loadtest import payloads
from loadtest.ledger import run_row, step_row
from loadtest.payloads import EVENTS_A_BATCH, PAYLOAD_BYTES_MAX, RUNS_AN_EXPORT, SPANS_A_RUN, Synthesizer

MARK_BYTES = 8
EVENTS_A_RUN = SPANS_A_RUN + 1
_STEP_MARK = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Template:
    """A batch or an export. The ids of its runs begin with the mark, which is replaced each time."""

    body: bytes
    rows: bytes
    mark: bytes
    events: int
    binary: bool
    """Whether the mark stands in the body as bytes; else as hex digits, as it does in the rows."""

    @classmethod
    def batch(cls, synthesizer: Synthesizer, events: int = EVENTS_A_BATCH) -> Self:
        """A body of `POST /v1/events`."""
        mark = os.urandom(MARK_BYTES)
        records: list[Record] = []
        while len(records) < events:
            records += _records(_marked(synthesizer.export(), mark))
        (body,) = payloads.event_batches(records[:events], events)
        return cls(body, _rows(records[:events]), mark, events, binary=False)

    @classmethod
    def export(cls, synthesizer: Synthesizer, runs: int = RUNS_AN_EXPORT) -> Self:
        """A body of `POST /v1/traces` in protobuf."""
        mark = os.urandom(MARK_BYTES)
        body = _marked(synthesizer.export(runs), mark)
        return cls(body, _rows(_records(body)), mark, runs * EVENTS_A_RUN, binary=True)

    def fresh(self) -> tuple[bytes, bytes]:
        """A body with runs that nobody has sent before, and its rows."""
        new = os.urandom(MARK_BYTES)
        old_text, new_text = self.mark.hex().encode(), new.hex().encode()
        body = self.body.replace(self.mark, new) if self.binary else self.body.replace(old_text, new_text)
        return body, self.rows.replace(old_text, new_text)


@dataclass(frozen=True, slots=True)
class StepTemplate:
    """A body of `POST /v1/runs/{runId}/steps`."""

    head: bytes
    tail: bytes

    @classmethod
    def some(cls, synthesizer: Synthesizer, count: int, *, finished: bool) -> list[Self]:
        """Different ones; without `finished` they are steps that have just begun, without output and end."""
        found = []
        for step in payloads.steps_of(synthesizer.records(-(-count // SPANS_A_RUN)))[:count]:
            step.id, step.parent_id = _STEP_MARK, None  # it is none of the run that the body goes to
            if not finished:
                step.output, step.error, step.finished_at = ABSENT, ABSENT, None
            head, _, tail = payloads.step_body(step, with_id=True).partition(_STEP_MARK.encode())
            found.append(cls(head, tail))
        return found

    def fresh(self) -> tuple[str, bytes]:
        """A step id that nobody has used before, and the body with it."""
        step_id = os.urandom(MARK_BYTES).hex()
        return step_id, self.head + step_id.encode() + self.tail


def _marked(export: bytes, mark: bytes) -> bytes:
    request = ExportTraceServiceRequest.FromString(export)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                span.trace_id = mark + span.trace_id[MARK_BYTES:]
    return bytes(request.SerializeToString())


def _records(export: bytes) -> list[Record]:
    encoder = PayloadEncoder(PAYLOAD_BYTES_MAX)
    return list(otlp.decode_protobuf(export, encoder, RUNS_AN_EXPORT * SPANS_A_RUN).records)


def _rows(records: Sequence[Record]) -> bytes:
    rows = []
    for record in records:
        if isinstance(record, StepRecord):
            rows.append(step_row(record.run_id, record.id, finished=record.finished_at is not None))
        elif isinstance(record, RunRecord):
            rows.append(run_row(record.id, finished=record.finished_at is not None))
    return b"".join(rows)
