"""The graph over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from strawberry.schema.exceptions import CannotGetOperationTypeError

from kintsu.apps.api.access import Viewer
from kintsu.apps.api.graph.schema import Asker, schema
from kintsu.apps.api.paging import Asked
from kintsu.apps.api.problems import BROKEN, Refused, words_of
from kintsu.apps.api.service import service_of
from kintsu.core.errors import KintsuError, UnknownRun

__all__ = ["router"]

router = APIRouter(tags=["graphql"])
LONGEST = 20_000


class GraphQuery(Asked):
    """A query."""

    query: str = Field(min_length=1, max_length=LONGEST, examples=["{ tables(first: 5) { items { name score } } }"])
    variables: dict[str, Any] | None = None
    operationName: str | None = Field(None, max_length=200)


class GraphError(BaseModel):
    """Why a part of the answer is not there."""

    message: str
    path: list[str | int] | None = None


class GraphAnswer(BaseModel):
    """What was asked for; null where there are errors, which say why."""

    data: dict[str, Any] | None
    errors: list[GraphError] | None = None


@router.post("/graphql")
def graphql(request: Request, who: Viewer, asked: GraphQuery) -> GraphAnswer:
    """Ask the graph. Queries that go too deep or would read too much are refused."""
    service = service_of(request)
    asker = Asker(who, service.home(who.tenant), service.veil(who))
    try:
        told = schema.execute_sync(
            asked.query, variable_values=asked.variables, operation_name=asked.operationName, context_value=asker
        )
    except CannotGetOperationTypeError as error:
        raise Refused(422, "the query has no operation of this name") from error
    errors = None
    if told.errors:
        errors = [GraphError(message=_message(error), path=error.path) for error in told.errors]
    return GraphAnswer(data=told.data, errors=errors)


def _message(error: Any) -> str:
    """What a person may know: our own errors and those of the query; never a traceback."""
    cause = error.original_error
    if isinstance(cause, UnknownRun):
        return "no such run: `runs` lists them"
    if isinstance(cause, KintsuError):
        return words_of(cause)[1]
    return str(error.message) if cause is None else BROKEN
