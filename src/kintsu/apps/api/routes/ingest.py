"""Events that are pushed for a table, mended in flight."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from kintsu.apps.api.access import Engineer
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service, service_of
from kintsu.run.ingest import Accepted, accept, find_treatment, split

__all__ = ["Table", "router"]

router = APIRouter(tags=["ingest"])
Table = Annotated[
    str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="The table, and the name of its treatment")
]
LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines")
EVENTS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 10_000},
                "example": [{"id": "o1", "city": "Pari"}, {"id": "o2", "city": "Lyon"}],
            },
            LINES[0]: {"schema": {"type": "string"}, "example": '{"id": "o1", "city": "Pari"}\n{"id": "o2"}\n'},
        },
    }
}


class Ingested(BaseModel):
    """Events that are written down: none of them is lost from now on."""

    table: str
    accepted: int = Field(description="Events that are new")
    repeated: int = Field(description="Events that came before: they are not mended twice")
    ids: list[str] = Field(description="Of each event, in order", examples=[["8f0c1d2e3b4a59687766554433221100"]])
    repeats: list[int] = Field(description="Places of those that came before")


@router.post("/ingest/{table}", status_code=202, openapi_extra=EVENTS)
async def ingest(
    request: Request,
    who: Engineer,
    table: Table,
    id_field: Annotated[
        str | None, Query(min_length=1, max_length=200, description="The field that tells events apart")
    ] = None,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="Tells the events of this request from equal ones")
    ] = None,
) -> Ingested:
    """Push events, as a JSON array or as JSON lines: the trained treatment of the table mends them in flight.

    An event is known again by `id_field`, else by the Idempotency-Key and its place, else by its bytes. 429 says that
    too many wait.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and kind not in LINES:
        raise Refused(415, "send a JSON array (application/json) or JSON lines (application/x-ndjson)")
    body, service = await request.body(), service_of(request)
    done = await run_in_threadpool(
        _accepted, service, who, table, body, is_array=kind not in LINES, key=idempotency_key, id_field=id_field
    )
    repeats = [place for place, is_new in enumerate(done.fresh) if not is_new]
    n = len(done.ids)
    return Ingested(table=table, accepted=n - len(repeats), repeated=len(repeats), ids=list(done.ids), repeats=repeats)


def _accepted(
    service: Service, who: Principal, table: str, body: bytes, *, is_array: bool, key: str | None, id_field: str | None
) -> Accepted:
    home = service.home(who.tenant)
    find_treatment(table, home, service.intake.target(who.tenant, table).treatment)
    values = split(body, is_array=is_array)
    done = accept(table, values, home=home, key=key, id_field=id_field, most=service.settings.max_waiting)
    service.intake.wake(who.tenant, table)
    return done
