"""Tables: what is known of each, and their course over time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Viewer
from kintsu.apps.api.paging import After, Limit, Listed, number
from kintsu.apps.api.service import service_of
from kintsu.run import kept_runs, lists

__all__ = ["router"]

router = APIRouter(prefix="/tables", tags=["tables"])


class TableItem(BaseModel):
    """A table and the last that is known of it."""

    id: int
    name: str = Field(examples=["orders"])
    kind: Literal["watched", "runs"]
    source: str = Field(examples=["/data/orders/*.csv"])
    last: str | None = Field(description="The last batch, or the last run")
    last_at: str | None
    rows: int | None
    state: str | None
    alarm: bool
    issue: str | None
    score: float | None = Field(description="Overall score of the last heal or check, before it mended, in [0, 100]")
    score_after: float | None


class Course(BaseModel):
    """Values over time, oldest first: a list for each column."""

    columns: dict[str, list[Any]]


@router.get("")
def tables(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    kind: Literal["watched", "runs"] | None = None,
    name: Annotated[str | None, Query(max_length=512)] = None,
) -> Listed[TableItem]:
    """The tables that are watched, and those that were healed or checked."""
    home = service_of(request).home(who.tenant)
    page = lists.tables(home=home, limit=limit, after=number(after), kind=kind, name=name)
    return Listed(items=[TableItem(**vars(line)) for line in page.items], next=page.next)


@router.get("/{table}/course")
def course(
    request: Request,
    who: Viewer,
    table: str,
    fact: Annotated[list[str] | None, Query(max_length=200, description="Scores, counts, or facts of a column")] = None,
    days: Annotated[float | None, Query(gt=0, le=36_500)] = None,
) -> Course:
    """The heals and checks of a table over time: scores before and after, counts, facts of its columns."""
    home = service_of(request).home(who.tenant)
    found = kept_runs.course(table, fact or kept_runs.USUAL, days=days, home=home)
    return Course(columns=found.to_dict(as_series=False))
