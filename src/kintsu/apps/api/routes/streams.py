"""Streams that are mended: how fast they flow, what became of their events, what was told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Viewer
from kintsu.apps.api.paging import After, Limit, Listed, number
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.run.streams import stream, streams

__all__ = ["router"]

router = APIRouter(prefix="/streams", tags=["streams"], route_class=Read)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class StreamItem(BaseModel):
    """A stream: all workers of a group on a topic, a folder, or what is pushed for a table."""

    id: int
    name: str = Field(examples=["kintsu/orders"])
    sources: list[str] = Field(description="Topics, or the first files of a folder", examples=[["orders 3f2a"]])
    treatment: str | None
    table: str | None = Field(description="Of what is pushed: POST /api/v1/ingest/{table}")
    created_at: str
    last_at: str | None = Field(description="Begin of the last window with events")
    totals: dict[str, int] = Field(examples=[{"events": 1000, "passed": 950, "healed": 48, "quarantined": 2}])
    per_second: dict[str, float] = Field(description="Over the last minute", examples=[{"events": 16.7, "healed": 0.8}])
    late_ms: float | None = Field(description="From an event to its mending, on average over the last minute")
    lag: int | None = Field(description="Events, or files, that came and are not counted yet; null: unknown")
    lag_at: str | None = Field(description="When that was told last: workers do so every five seconds")


class StreamDetail(StreamItem):
    """A stream with its parts, last windows, columns, examples and alerts."""

    parts: list[dict[str, Any]] = Field(description="Of a topic: next place, end and lag of each partition")
    windows: list[dict[str, Any]] = Field(description="Counts of ten seconds each, oldest first")
    columns: list[dict[str, Any]] = Field(description="Cells, missing, changed and numbers of each column")
    examples: list[dict[str, Any]] = Field(description="The latest changes, newest first")
    alerts: list[dict[str, Any]] = Field(description="Newest first; stages: detect, decide, remediate, validate")


@router.get("")
def listed(request: Request, who: Viewer, limit: Limit = 50, after: After = None) -> Listed[StreamItem]:
    """The streams that are or were mended."""
    home = service_of(request).home(who.tenant)
    found, cursor = streams(home=home, limit=limit, after=number(after))
    return Listed(items=[StreamItem(**line) for line in found], next=cursor)


@router.get("/{stream_id}")
def detail(
    request: Request,
    who: Viewer,
    stream_id: Number,
    minutes: Annotated[float, Query(gt=0, le=1440, description="How far back windows and alerts go")] = 60,
) -> StreamDetail:
    """A stream: rates, windows, columns, latest examples, alerts."""
    service = service_of(request)
    told = stream(stream_id, home=service.home(who.tenant), minutes=minutes, veil=service.veil(who))
    return StreamDetail(**told)
