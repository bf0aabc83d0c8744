"""Every error of the service as a problem document (RFC 9457): what, where, what to do; never a traceback."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from kintsu.core import errors
from kintsu.io.service.jobs import KeyTaken
from kintsu.io.service.pushed import Full
from kintsu.io.service.uploads import TooLarge

__all__ = ["BROKEN", "PROBLEMS", "Problem", "Refused", "answer", "explain", "install", "words_of"]

MEDIA_TYPE: Final = "application/problem+json"
BROKEN: Final = "something went wrong that should not: the log of the service tells, by this id"
AWAY: Final = "the database of this service cannot be used now: try again in a moment; its log tells more, by this id"
AGAIN: Final = {"Retry-After": "1"}
MOST_ERRORS: Final = 100  # that an answer names one by one
log = logging.getLogger("kintsu.api")
STATUS: Final[tuple[tuple[type[errors.KintsuError], int], ...]] = (
    (TooLarge, 413),
    (KeyTaken, 422),
    (Full, 429),
    (errors.StoreUnusable, 503),
    (errors.UnknownRun, 404),
    (errors.UnknownName, 404),
    (errors.StaleRepair, 409),
    (errors.UndoConflict, 409),
    (errors.OutputError, 409),
    (errors.LedgerBroken, 500),
    (errors.MissingExtra, 422),
    (errors.UsageError, 422),
    (errors.InputError, 422),
)


class FieldError(BaseModel):
    """One value of the request that cannot be taken."""

    where: str = Field(description="Path of the value", examples=["body.current_row_count"])
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Names the kind of problem", examples=["urn:kintsu:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What, where and what to do", examples=["no run 'r-1': see GET /api/v1/runs"])
    request: str = Field(description="Id of the request, as in the log", examples=["4f2a9c1e0b7d"])
    errors: list[FieldError] = []


class Refused(Exception):
    """The answer to a request is no: an HTTP status, and a sentence that says why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


_DESCRIPTION: Final = {
    400: "The request cannot be read",
    401: "Nobody is signed in",
    403: "Whoever is signed in may not do this",
    404: "There is no such thing, or not of this tenant",
    405: "Not this method",
    406: "Not in this form",
    409: "Something else stands in the way",
    413: "Too large",
    415: "Not in this format",
    422: "The request is not as described",
    429: "Too many requests",
    503: "Something that is needed cannot be reached",
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": words, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, words in _DESCRIPTION.items()
}
"""The problems that every operation may answer with, for the OpenAPI document."""


def answer(
    request: Request,
    status: int,
    detail: str,
    *,
    wrong: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document."""
    phrase = HTTPStatus(status).phrase
    problem = Problem(
        type=f"urn:kintsu:problem:{phrase.lower().replace(' ', '-')}",
        title=phrase,
        status=status,
        detail=detail,
        request=getattr(request.state, "id", ""),
        errors=wrong or [],
    )
    return JSONResponse(problem.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def words_of(error: errors.KintsuError) -> tuple[int, str]:
    """The status of an error that was raised on purpose, and what whoever asks may know of it."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    if status >= 500:  # it names places on this machine
        return status, AWAY if status == 503 else BROKEN
    return status, "no such run: GET /api/v1/runs lists them" if isinstance(error, errors.UnknownRun) else str(error)


def explain(request: Request, error: errors.KintsuError) -> JSONResponse:
    """The problem document of an error that was raised on purpose."""
    status, detail = words_of(error)
    if status >= 500:
        log.error("request %s: %s", getattr(request.state, "id", ""), error, exc_info=error)
    return answer(request, status, detail, headers=AGAIN if status in (429, 503) else None)


def install(app: FastAPI) -> None:
    """Let the service answer every error with a problem document."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return answer(request, error.status, error.detail, headers=error.headers)

    @app.exception_handler(errors.KintsuError)
    async def known(request: Request, error: errors.KintsuError) -> JSONResponse:
        return explain(request, error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 405:  # the router names the methods of one of its routes only
            error.headers = {"Allow": ", ".join(_methods(request))}
        detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else _hint(error.status_code)
        return answer(request, error.status_code, detail, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [FieldError(where=".".join(map(str, e["loc"])), message=e["msg"]) for e in error.errors()]
        first = f"{wrong[0].where}: {wrong[0].message}" if wrong else "the request is not as described"
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return answer(request, 422, f"{first}{more}: see /api/v1/openapi.json", wrong=wrong[:MOST_ERRORS])

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return answer(request, 500, BROKEN)


def _methods(request: Request) -> list[str]:
    """What may be done at an address, by the document."""
    return sorted(
        method.upper()
        for template, operations in request.app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", template), request.url.path)
        for method in operations
    )


def _hint(status: int) -> str:
    if status == 404:
        return "there is nothing at this address: /api/v1/openapi.json lists what there is"
    return _DESCRIPTION.get(status, HTTPStatus(status).phrase)
