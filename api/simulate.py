"""Simulations: made-up runs that go the way of real ones, for a first look and for load."""

import asyncio
from hashlib import blake2b
from typing import Annotated, Any, cast
from uuid import UUID

import redis
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json
from redis.exceptions import RedisError

from api.access import ProjectId
from api.answers import answered_with
from api.answers.upkeep import Simulation, StartedSimulation
from api.body import read_body
from api.errors import details_of
from api.idempotency import answer_once
from api.routing import EditRoute
from api.state import AppState, State
from events import jobs, simulation_progress
from events.connections import redis_connection
from events.exceptions import InvalidQuery, MalformedBody, NotFound, QueueUnavailable
from events.ids import IdMint, run_uuid
from events.settings import Settings
from events.simulation import STEPS_MEAN_MAX
from events.simulation_progress import Progress

router = APIRouter(route_class=EditRoute, prefix="/v1", tags=["simulate"])

BODY_BYTES_MAX = 16 * 1024
RETRY_AFTER_SECONDS = 1


class SimulationIn(BaseModel):
    """Body of `POST /v1/simulate`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", allow_inf_nan=False)

    runs: Annotated[int, Field(ge=1, le=100_000)] = 100
    error_rate: Annotated[float, Field(ge=0, le=1, description="Which share of the runs fails.")] = 0.1
    steps: Annotated[float, Field(ge=1, le=STEPS_MEAN_MAX, description="Steps a run has in the mean.")] = 8.0
    seed: Annotated[int | None, Field(ge=0, lt=2**63, description="The same seed makes the same runs, ids included.")] = None


_SCHEMA = SimulationIn.model_json_schema()


@router.post(
    "/simulate",
    status_code=202,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}},
    responses=answered_with(StartedSimulation, 202),
)
async def start_simulation(request: Request, state: State, project_id: ProjectId) -> Response:
    """Starts a simulation: workers send its runs; `url` tells how far they are."""
    body = await read_body(request, BODY_BYTES_MAX)

    async def answer(mint: IdMint) -> Response:
        wanted = _validate(body)
        state.gate.check()
        simulation_id = mint.run_id()
        seed = _seed_of(simulation_id) if wanted.seed is None else wanted.seed
        await _start(state, simulation_id, Progress(project_id, wanted.runs, wanted.error_rate, wanted.steps, seed))
        identity = run_uuid(simulation_id)
        return _json({"id": identity, "url": f"/v1/simulate/{identity}"}, 202)

    return await answer_once(request, body, state, project_id, answer)


@router.get("/simulate/{simulation_id}", responses=answered_with(Simulation))
async def get_simulation(simulation_id: str, state: State, project_id: ProjectId) -> Response:
    """How many runs have been sent, and whether it is RUNNING, DONE or FAILED. It is known for an hour after its end."""
    try:
        identity = UUID(simulation_id).hex
    except ValueError:
        raise NotFound(f"{simulation_id!r} is not the id of a simulation: that is a UUID.") from None
    try:
        fields = cast("dict[bytes, bytes]", await state.redis.hgetall(simulation_progress.key(identity)))
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable("The queue does not answer.", retry_after=RETRY_AFTER_SECONDS) from None
    progress = Progress.from_hash(fields)
    if progress is None or progress.project_id != project_id:
        raise NotFound(f"There is no simulation {run_uuid(identity)}, or it ended more than an hour ago.")
    return _json(progress.described(identity), 200)


def _validate(body: bytes) -> SimulationIn:
    try:
        return SimulationIn.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedBody(f"The body is not JSON: {error.errors()[0]['msg']}") from None
        raise InvalidQuery("The simulation is not valid; see `details`.", details=details_of(error)) from None


async def _start(state: AppState, simulation_id: str, progress: Progress) -> None:
    """Raises QueueUnavailable: it was not started, or its answer came too late and it runs all the same."""
    key = simulation_progress.key(simulation_id)
    try:
        pipeline = state.redis.pipeline(transaction=True)
        pipeline.hset(key, mapping=progress.to_hash())
        pipeline.expire(key, simulation_progress.TTL_SECONDS)
        await pipeline.execute()
        async with asyncio.timeout(state.settings.redis_timeout_seconds):
            # RQ's client blocks, and the event loop has requests to serve.
            await asyncio.to_thread(_enqueue, state.settings, simulation_id)
    except (RedisError, OSError, TimeoutError):
        raise QueueUnavailable(retry_after=RETRY_AFTER_SECONDS) from None


def _enqueue(settings: Settings, simulation_id: str) -> None:
    connection: redis.Redis = redis_connection(settings)
    try:
        jobs.enqueue(connection, jobs.SIMULATE, simulation_id, 0)
    finally:
        connection.close()


def _seed_of(simulation_id: str) -> int:
    """Of the id, so that a retry with the same Idempotency-Key starts the same simulation."""
    return int.from_bytes(blake2b(simulation_id.encode(), digest_size=8).digest(), "big") >> 1


def _json(body: Any, status: int) -> Response:
    return Response(to_json(body), status, media_type="application/json")
