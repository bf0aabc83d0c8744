"""Puts the service together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

import kintsu
from kintsu.apps.api import problems
from kintsu.apps.api.answers import Answers
from kintsu.apps.api.dashboard import Dashboard
from kintsu.apps.api.guard import Guard, is_write
from kintsu.apps.api.identity import IdentityProvider
from kintsu.apps.api.kept import Shared
from kintsu.apps.api.once import KEY, Once
from kintsu.apps.api.problems import PROBLEMS, Problem
from kintsu.apps.api.routes import (
    graphql,
    incidents,
    ingest,
    jobs,
    keys,
    live,
    models,
    monitors,
    quality,
    questions,
    runs,
    streams,
    system,
    tables,
    uploads,
    volume,
)
from kintsu.apps.api.service import Service
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.api.spans import Spans

__all__ = ["create_app"]

API: Final = "/api/v1"
PARTS: Final = (
    *(tables, runs, questions, uploads, jobs, ingest, quality, streams, volume, monitors, incidents, models, keys),
    *(graphql, system),
)
OFF: Final[Any] = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans"), False)
"""FastAPI's own telemetry would tell words of errors, and those may quote cells: see `spans`."""
DESCRIPTION: Final = (
    "Finds bad data in tables and mends it: explained, calibrated, undoable. Errors are problem documents (RFC 9457), "
    "lists come in pages, answers carry an ETag."
)


def create_app(settings: ServeSettings, *, spans: Any = None) -> FastAPI:
    """The service as an ASGI application; `spans` is a TracerProvider in place of the process's own."""
    identity = None if settings.identity is None else IdentityProvider(settings.identity)
    service = Service(settings, identity)
    shared = None if settings.cache is None else Shared(settings.cache)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.intake.resume)
        yield
        await run_in_threadpool(service.close)

    app = FastAPI(
        lifespan=lifespan,
        title="Kintsu",
        version=kintsu.__version__,
        description=DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry=OFF,
        generate_unique_id_function=_operation,
    )
    app.state.service = service
    problems.install(app)
    for part in PARTS:  # not by a router of routers: each level is searched anew for every request
        app.include_router(part.router, prefix=API, responses=PROBLEMS)
    app.include_router(system.outside)
    app.include_router(live.router)
    app.add_middleware(Answers, service=service, shared=shared)
    app.add_middleware(Dashboard)
    app.add_middleware(Once, service=service)
    app.add_middleware(Guard, service=service)
    app.add_middleware(Spans, provider=spans)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _operation(route: APIRoute) -> str:
    """The name that generated clients call an operation by, such as `runs_changes`; `runs_list` for the list itself."""
    part = str(route.tags[0]) if route.tags else "service"
    return (
        f"{part}_{route.name}"
        if route.name != part
        else f"{part}_{'list' if 'GET' in (route.methods or ()) else 'ask'}"
    )


def _with_key(parameters: list[dict[str, Any]]) -> None:
    """What all operations that write have in common."""
    if not any(each["name"].lower() == KEY.lower() for each in parameters):
        told = "The same request with the same key gets the same answer, and is done once"
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        parameters.append({"name": KEY, "in": "header", "required": False, "description": told, "schema": schema})


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with the schema of problems that every operation may answer with."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = made.setdefault("components", {}).setdefault("schemas", {})
        parts |= schema.pop("$defs", {}) | {"Problem": schema}
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                if is_write(method.upper(), path):
                    _with_key(operation.setdefault("parameters", []))
        app.openapi_schema = made
    return app.openapi_schema
