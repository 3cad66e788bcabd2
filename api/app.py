"""The apps: ingest, read, and the one that serves both on one port."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from pydantic.alias_generators import to_camel

from api import (
    admin,
    dead_letters,
    deletions,
    docs,
    errors,
    export,
    health,
    ingest,
    live,
    metrics,
    pipeline,
    runs,
    sessions,
    sign_in,
    simulate,
    values,
    web,
)
from api.graphql import routes as graphql
from api.headers import GuardedApp
from api.routing import check_routes
from api.state import open_state
from events.settings import Settings

logger = logging.getLogger(__name__)

READING = (
    *(export.router, values.router, runs.router, sessions.router, live.router, metrics.router, graphql.router),
    *(sign_in.router, admin.router, admin.operator_router, deletions.router, dead_letters.router, dead_letters.editing),
    *(pipeline.router, pipeline.figures_router),
)
"""The export and the values come before the runs: `/v1/runs/export` is no id of a run."""


def create_ingest_app(settings: Settings) -> FastAPI:
    return _create(settings, "AgentGuide ingest", [ingest.router, simulate.router])


def create_read_app(settings: Settings) -> FastAPI:
    return _create(settings, "AgentGuide read", [*READING, web.create_router()])


def create_app(settings: Settings) -> FastAPI:
    """Both, for one machine."""
    return _create(settings, "AgentGuide", [ingest.router, *READING, simulate.router, web.create_router()])


def _create(settings: Settings, title: str, routers: Sequence[APIRouter]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logger.info("settings: %s", settings.masked())
        async with open_state(settings) as state:
            app.state.agentguide = state
            yield

    app = GuardedApp(
        settings,
        title=title,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: to_camel(route.name),
    )
    for router in (*routers, health.router, health.figures_router, docs.router):
        app.include_router(router)
    check_routes(app)
    errors.install(app)
    return app
