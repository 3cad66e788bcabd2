"""The ingest routes. Each reads the body, validates it into records, and answers when these are on the queue's disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from api import batches
from api.access import caller_of, project_id_of
from api.answers import answered_with
from api.answers.ingested import EventsAccepted, RunAccepted, SomeEventsAccepted, StepAccepted, TracesAccepted
from api.body import read_body
from api.errors import invalid_event, malformed_json
from api.idempotency import answer_once
from api.json_body import schema_of
from api.quotas import limited, note_body, take_tokens
from api.routing import IngestRoute
from api.state import AppState, state_of
from events import otlp, plain_events
from events.exceptions import InvalidEvent, NotFound, UnsupportedMedia
from events.ids import IdMint, is_run_id, is_step_id, run_uuid
from events.instrumentation import EVENTS_REJECTED
from events.models import RunCreate, RunPatch, StepCreate, StepPatch
from events.payloads import PayloadEncoder, storable_json
from events.plain_json import is_plain
from events.records import Record
from events.redaction import redactor_of
from events.stream import entries_of

router = APIRouter(prefix="/v1", tags=["ingest"], route_class=IngestRoute)

PROTOBUF = "application/x-protobuf"
LONG_BYTES = 1 << 18
"""A body that is larger and holds secrets can be made to take its time."""
_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")


def _body(model: type[BaseModel], *path_parameters: str) -> dict[str, Any]:
    """OpenAPI of what the route reads itself: the body, from its bytes, and ids from the path."""
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in path_parameters]
    content = {"application/json": {"schema": schema_of(model)}}
    return {"parameters": parameters, "requestBody": {"required": True, "content": content}}


def _json(body: Any, status: int) -> Response:
    return Response(to_json(body), status, media_type="application/json")


async def _accept(request: Request, state: AppState, payloads: PayloadEncoder, events: Sequence[Record], cost: int = 1) -> None:
    """Queues events; they `cost` as many as were sent, refused ones included."""
    state.gate.check()
    await take_tokens(request, cost)
    payloads.redact_names(events)
    await state.appender.append(entries_of(project_id_of(request), events, state.settings.shards))


async def _read(request: Request, state: AppState, *, protobuf: bool = False) -> tuple[bytes, PayloadEncoder]:
    """The body, and what encodes its payloads: without redaction, if there is nothing in it that could be redacted."""
    body = await read_body(request, state.settings.body_bytes_max)
    note_body(request, body)
    if not protobuf:
        body = storable_json(body)
    redactor = redactor_of(caller_of(request).project.redaction)
    if is_plain(body, redactor, protobuf=protobuf):
        return body, state.plain_payloads
    if redactor is None or not redactor.suspects_body(body, protobuf=protobuf):
        return body, state.payloads
    return body, PayloadEncoder(state.settings.field_bytes_max, redactor)


async def _encode(body: bytes, work: Callable[[], _T]) -> _T:
    """Does what encodes the payloads of a body, in a thread if it could hold up others."""
    return await asyncio.to_thread(work) if len(body) > LONG_BYTES else work()


def _validate(model: type[_M], body: bytes, payloads: PayloadEncoder) -> _M:
    """The event of a body: of the model, or what bears the same names."""
    if payloads.is_plain and (plain := plain_events.read(model, body)) is not None:
        return cast("_M", plain)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise malformed_json(body, error) from None
        raise invalid_event(error) from None


def _run_id(request: Request) -> str:
    run_id: str = request.path_params["run_id"]
    if is_run_id(run_id):
        return UUID(run_id).hex
    raise NotFound(f"{run_id!r} is not the id of a run: that is a UUID or 32 hex digits.")


def _step_id(request: Request) -> str:
    step_id: str = request.path_params["step_id"]
    if is_step_id(step_id):
        return step_id.lower()
    raise NotFound(f"{step_id!r} is not the id of a step: that is 16 hex digits.")


@router.post("/runs", status_code=201, openapi_extra=_body(RunCreate), responses=answered_with(RunAccepted, 201))
@limited
async def create_run(request: Request) -> Response:
    """Starts a run. Without an `id` one is minted (UUIDv7)."""
    state, project_id = state_of(request), project_id_of(request)
    body, payloads = await _read(request, state)

    async def answer(mint: IdMint) -> Response:
        run = _validate(RunCreate, body, payloads)
        run_id = run.id.hex if run.id else mint.run_id()
        record = await _encode(body, lambda: run.to_run(run_id, mint, payloads))
        if record.status is None:
            record.status = "RUNNING"
        await state.lookups.require(project_id, record)
        await _accept(request, state, payloads, [record])
        return _json({"id": run_uuid(run_id)}, 201)

    return await answer_once(request, body, state, project_id, answer)


@router.patch(
    "/runs/{run_id}", status_code=202, openapi_extra=_body(RunPatch, "run_id"), responses=answered_with(RunAccepted, 202)
)
@limited
async def update_run(request: Request) -> Response:
    """Changes a run: what is present replaces, what is absent stays."""
    state, project_id = state_of(request), project_id_of(request)
    body, payloads = await _read(request, state)

    async def answer(mint: IdMint) -> Response:
        run, run_id = _validate(RunPatch, body, payloads), _run_id(request)
        record = await _encode(body, lambda: run.to_run(run_id, mint, payloads))
        await state.lookups.require(project_id, record)
        await _accept(request, state, payloads, [record])
        return _json({"id": run_uuid(record.id)}, 202)

    return await answer_once(request, body, state, project_id, answer)


@router.post(
    "/runs/{run_id}/steps",
    status_code=201,
    openapi_extra=_body(StepCreate, "run_id"),
    responses=answered_with(StepAccepted, 201),
)
@limited
async def create_step(request: Request) -> Response:
    """Adds a step to a run. Without an `id` one is minted; without an `index` it gets the run's next."""
    state, project_id = state_of(request), project_id_of(request)
    body, payloads = await _read(request, state)

    async def answer(mint: IdMint) -> Response:
        step = _validate(StepCreate, body, payloads)
        run_id, step_id = _run_id(request), step.id or mint.step_id()
        record = await _encode(body, lambda: step.to_step(run_id, step_id, mint, payloads))
        await _accept(request, state, payloads, [record])
        return _json({"id": step_id}, 201)

    return await answer_once(request, body, state, project_id, answer)


@router.patch(
    "/runs/{run_id}/steps/{step_id}",
    status_code=202,
    openapi_extra=_body(StepPatch, "run_id", "step_id"),
    responses=answered_with(StepAccepted, 202),
)
@limited
async def update_step(request: Request) -> Response:
    """Changes a step: what is present replaces, what is absent stays."""
    state, project_id = state_of(request), project_id_of(request)
    body, payloads = await _read(request, state)

    async def answer(mint: IdMint) -> Response:
        step = _validate(StepPatch, body, payloads)
        run_id, identity = _run_id(request), _step_id(request)
        if step.parent_id == identity:
            raise InvalidEvent(details=[{"path": "parentId", "reason": "a step cannot be its own parent"}])
        record = await _encode(body, lambda: step.to_step(run_id, identity, mint, payloads))
        await _accept(request, state, payloads, [record])
        return _json({"id": identity}, 202)

    return await answer_once(request, body, state, project_id, answer)


@router.post(
    "/events",
    status_code=202,
    responses=answered_with(EventsAccepted, 202) | answered_with(SomeEventsAccepted, 207),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        }
    },
)
@limited
async def create_events(request: Request) -> Response:
    """Takes a batch of run and step events: a JSON array, or one event a line (NDJSON).

    Valid events are accepted whatever their neighbours are: 202 if all are, 207 if some, 422 if none.
    """
    state, project_id = state_of(request), project_id_of(request)
    body, payloads = await _read(request, state)
    lines = "ndjson" in (media_type := request.headers.get("content-type", "").lower()) or "jsonl" in media_type

    async def answer(mint: IdMint) -> Response:
        events_max = state.settings.batch_events_max
        batch = await _encode(body, lambda: batches.decode(body, lines, mint, payloads, events_max))
        for place, reason in sorted((await state.lookups.problems(project_id, batch.records)).items(), reverse=True):
            batch.reject_record(place, reason.partition(" ")[0], reason)
        if not batch.records and batch.errors:
            raise InvalidEvent("No event of the batch is valid; see `details`.", details=batch.error_list())
        await _accept(request, state, payloads, batch.records, len(batch.records) + batch.rejected)
        if not batch.errors:
            return _json({"accepted": len(batch.records)}, 202)
        return _json({"accepted": len(batch.records), "rejected": batch.rejected, "errors": batch.error_list()}, 207)

    return await answer_once(request, body, state, project_id, answer)


@router.post(
    "/traces",
    responses={200: {"model": TracesAccepted, "content": {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
            },
        }
    },
)
@limited
async def export_traces(request: Request) -> Response:
    """OTLP/HTTP: an ExportTraceServiceRequest as protobuf or JSON. Bad spans are told of in `partial_success`."""
    state = state_of(request)
    state.gate.check()
    media_type = request.headers.get("content-type", PROTOBUF).partition(";")[0].strip().lower()
    body, payloads = await _read(request, state, protobuf=media_type == PROTOBUF)
    spans_max = state.settings.batch_events_max
    if media_type == PROTOBUF:
        export = await _encode(body, lambda: otlp.decode_protobuf(body, payloads, spans_max))
    elif media_type == "application/json":
        # Slow enough to hold up others: protobuf's JSON parser is written in Python. JSON in its texts is escaped: nobody
        # can say of the body whether that is plain.
        payloads = state.payloads if payloads.is_plain else payloads
        export = await asyncio.to_thread(otlp.decode_json, body, payloads, spans_max)
    else:
        raise UnsupportedMedia(f"Content-Type {media_type!r} is not supported; send {PROTOBUF} or application/json.")
    await _accept(request, state, payloads, export.records, export.spans)
    return _export_answer(export, media_type)


def _export_answer(export: otlp.DecodedExport, media_type: str) -> Response:
    answer = ExportTraceServiceResponse()
    if export.rejected:
        EVENTS_REJECTED.inc(export.rejected)
        answer.partial_success.rejected_spans = export.rejected
        answer.partial_success.error_message = "; ".join(export.reasons)
    if media_type == PROTOBUF:
        return Response(answer.SerializeToString(), media_type=PROTOBUF)
    return Response(MessageToJson(answer, indent=None), media_type=media_type)
