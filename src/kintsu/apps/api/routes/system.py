"""Who I am, whether the service is well, and its figures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

import kintsu
from kintsu.apps.api.access import Admin, Viewer
from kintsu.apps.api.figures import lag_of
from kintsu.apps.api.paging import After, Limit, Listed, number
from kintsu.apps.api.problems import PROBLEMS
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.io.service.jobs import STATES
from kintsu.io.service.work import Work
from kintsu.run.streams import lags

__all__ = ["outside", "router"]

router = APIRouter(tags=["system"], route_class=Read)
outside = APIRouter(tags=["system"], responses=PROBLEMS)


class Me(BaseModel):
    """Whoever is signed in."""

    tenant: str
    name: str
    role: Literal["viewer", "steward", "engineer", "admin"]
    version: str


class Health(BaseModel):
    status: Literal["ok"]


class ActLine(BaseModel):
    """A call that may have written something."""

    id: int
    at: str
    who: str
    role: str
    action: str
    status: int
    request: str


@router.get("/me")
def me(who: Viewer) -> Me:
    """Whoever is signed in, and what they may do."""
    return Me(tenant=who.tenant, name=who.name, role=who.role, version=kintsu.__version__)


@router.get("/audit")
def audit(request: Request, who: Admin, limit: Limit = 50, after: After = None) -> Listed[ActLine]:
    """The trail of writes, newest first."""
    page = service_of(request).trail(who.tenant).page(limit=limit, before=number(after))
    return Listed(items=[ActLine(**vars(act)) for act in page.items], next=page.next)


@outside.get("/healthz")
async def healthz() -> Health:
    """Whether the service answers. Needs no sign-in."""
    return Health(status="ok")


@outside.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, who: Viewer) -> Response:
    """Figures of the service, for Prometheus; what waits is that of the caller's streams."""
    service = service_of(request)
    counts = Work(service.of(who.tenant)).counts()
    for state in STATES:
        service.figures.jobs.labels(state).set(counts.get(state, 0))
    told = generate_latest(service.figures.registry) + generate_latest(lag_of(lags(home=service.home(who.tenant))))
    return Response(told, media_type=CONTENT_TYPE_LATEST)
