"""Trouble of watched tables that lasts, and objectives."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.paging import Listed
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.diagnose.masking import masked
from kintsu.run import notify

__all__ = ["router"]

router = APIRouter(tags=["incidents"], route_class=Read)


@router.get("/incidents")
def incidents(request: Request, who: Viewer, ended: bool = False) -> Listed[dict[str, Any]]:
    """The open incidents, the longest known first; those that are over too."""
    service = service_of(request)
    found = notify.incidents(with_ended=ended, home=service.home(who.tenant))
    return Listed(items=[masked(each.to_dict(), service.veil(who)) for each in found])


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
