"""Watched tables: how they are doing, their batches over time, and what people say of these."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.paging import Asked
from kintsu.apps.api.reads import Read
from kintsu.apps.api.routes.tables import Band, Course, over_time
from kintsu.apps.api.service import service_of
from kintsu.diagnose.masking import masked, masked_text
from kintsu.run import watching

__all__ = ["router"]

router = APIRouter(prefix="/monitors", tags=["monitors"], route_class=Read)


class MonitorStatus(BaseModel):
    """How a watched table is doing."""

    table: str
    n_batches: int
    last_batch: str | None
    last_at: str | None
    last_state: str | None
    last_message: str | None
    waiting: list[str] = Field(description="Batches that alarmed and that nobody has decided on")
    n_alarms: int
    precision: float | None = Field(description="Share of the alarms that people confirmed")
    false_alarm_rate: float | None
    time_to_detection_min: float | None
    recovery: float | None
    acceptance: float | None


class Decision(Asked):
    """What a person says of a batch that alarmed."""

    is_right: bool = Field(description="true: it is as it should be, and is learnt from")


class Decided(BaseModel):
    table: str
    batch: str
    state: str
    incident: str | None = Field(description="The incident that the batch left")


@router.get("/{table}")
def status(request: Request, who: Viewer, table: str) -> MonitorStatus:
    """How a watched table is doing, and how good its alarms were."""
    service = service_of(request)
    told = watching.status([table], home=service.home(who.tenant))[0].to_dict()
    if told["last_message"] is not None:
        told["last_message"] = masked_text(told["last_message"], service.veil(who))
    return MonitorStatus(**{name: told[name] for name in MonitorStatus.model_fields})


@router.get("/{table}/course")
def course(
    request: Request,
    who: Viewer,
    table: str,
    fact: Annotated[list[str] | None, Query(max_length=200, description="rows, completeness:COLUMN, ...")] = None,
    days: Annotated[float | None, Query(gt=0, le=36_500)] = None,
    band: Band = False,
) -> Course:
    """The batches of a watched table over time, with the facts that are asked for."""
    service = service_of(request)
    whole = watching.trend(table, fact or [], home=service.home(who.tenant))
    return over_time(whole, fact or ["rows"], days, service.veil(who), band=band)


@router.get("/{table}/batches/{batch}")
def batch(request: Request, who: Viewer, table: str, batch: str) -> dict[str, Any]:
    """A batch: its facts, and how it was judged where it alarmed."""
    service = service_of(request)
    return masked(watching.batch(table, batch, home=service.home(who.tenant)), service.veil(who))


@router.post("/{table}/batches/{batch}")
def decide(request: Request, who: Steward, table: str, batch: str, decision: Decision) -> Decided:
    """Say whether a batch that alarmed is right: then it is learnt from. If not, it stays out."""
    service = service_of(request)
    told = watching.decide(table, batch, is_right=decision.is_right, by=who.name, home=service.home(who.tenant))
    incident = None if told.incident is None else told.incident.id
    done = Decided(table=table, batch=told.batch.name, state=told.batch.state, incident=incident)
    service.events(who.tenant).add("verdict", done.model_dump())
    return done
