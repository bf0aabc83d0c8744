"""Trouble of watched tables that lasts, and objectives."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.paging import Limit, Listed
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.diagnose.masking import masked
from kintsu.run import notify

__all__ = ["router"]

router = APIRouter(tags=["incidents"], route_class=Read)
After = Annotated[
    str | None,
    Query(pattern="^(open|ended)_-?[0-9]{1,18}_[0-9a-z-]{1,32}$", description="The `next` of the page before"),
]


@router.get("/incidents")
def incidents(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    table: Annotated[str | None, Query(max_length=512, description="Only of this table")] = None,
    ended: Annotated[bool, Query(description="Then those that are over, the last one first")] = False,
) -> Listed[dict[str, Any]]:
    """The open incidents, the longest known first; then those that are over, if asked for."""
    service = service_of(request)
    page = notify.incidents_page(home=service.home(who.tenant), limit=limit, after=after, table=table, with_ended=ended)
    return Listed(items=[masked(each.to_dict(), service.veil(who)) for each in page.items], next=page.next)


@router.post("/incidents/{incident}/acknowledge")
def acknowledge(request: Request, who: Steward, incident: str) -> dict[str, Any]:
    """Say that you are at an incident: it rises no more."""
    service = service_of(request)
    told = notify.acknowledge_incident(incident, by=who.name, home=service.home(who.tenant))
    return masked(told.to_dict(), service.veil(who))


@router.post("/incidents/{incident}/resolve")
def resolve(request: Request, who: Steward, incident: str) -> dict[str, Any]:
    """Say that an incident is over."""
    service = service_of(request)
    told = notify.resolve_incident(incident, by=who.name, home=service.home(who.tenant))
    return masked(told.to_dict(), service.veil(who))
