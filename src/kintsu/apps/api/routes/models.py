"""Trained models: versions, and which of them is in use."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from kintsu.apps.api.access import Engineer, Viewer
from kintsu.apps.api.paging import Asked, Limit, Listed
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.io.store.history import History
from kintsu.io.store.models import ModelStore

__all__ = ["router"]

router = APIRouter(prefix="/models", tags=["models"], route_class=Read)
After = Annotated[
    str | None,
    Query(pattern="^[0-9]{1,9}_", max_length=265, description="The `next` of the page before"),
]


class Promote(Asked):
    """Which version is to be used from now on."""

    version: int = Field(ge=1, le=2**31 - 1)
    why: str = Field("", max_length=500)


@router.get("")
def versions(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    name: Annotated[str | None, Query(max_length=255)] = None,
) -> Listed[dict[str, Any]]:
    """The versions of a model, or of all, by name and version."""
    page = ModelStore(History(service_of(request).home(who.tenant))).page(limit=limit, after=after, name=name)
    return Listed(items=[each.to_dict() for each in page.items], next=page.next)


@router.post("/{name}/promote")
def promote(request: Request, who: Engineer, name: str, wanted: Promote) -> dict[str, Any]:
    """Use this version from now on."""
    registry = ModelStore(History(service_of(request).home(who.tenant)))
    return registry.promote(name, wanted.version, by=who.name, why=wanted.why).to_dict()


@router.post("/{name}/rollback")
def rollback(request: Request, who: Engineer, name: str) -> dict[str, Any] | None:
    """Take the last promotion back; null where no version is in use then."""
    live = ModelStore(History(service_of(request).home(who.tenant))).rollback(name, by=who.name)
    return None if live is None else live.to_dict()
