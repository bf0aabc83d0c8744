"""What is promised of tables, what is known to mend them, and what alarmed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Viewer
from kintsu.apps.api.paging import After, Limit, Listed, cut
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.run.alerts import alerts
from kintsu.run.objectives import Standing, standings
from kintsu.run.recipes import learned_recipes

__all__ = ["router"]

router = APIRouter(tags=["quality"], route_class=Read)
Table = Annotated[str | None, Query(max_length=512, description="Only of this table")]
Place = Annotated[
    str | None,
    Query(pattern="^-?[0-9]{1,18}_(batch|stream)_[0-9a-z-]{1,64}$", description="The `next` of the page before"),
]


class ObjectiveItem(BaseModel):
    """How an objective of a watched table stands."""

    table: str = Field(examples=["orders"])
    objective: str = Field(examples=["completeness of email >= 0.98, 90 % of days a month"])
    state: Literal["ok", "at_risk", "breached"]
    attained: float | None = Field(description="Share of units that kept it; null before the first", examples=[0.8])
    target: float = Field(examples=[0.9])
    n_counted: int
    n_missed: int
    allowed: float = Field(description="The error budget: units that may miss it in the window", examples=[3.0])
    left: float = Field(description="What is left of it; below 0 where it is breached", examples=[1.0])
    burn_rate: float | None = Field(description="1 spends the budget exactly by the end of the window", examples=[2.0])
    start: str
    end: str
    last_missed: str | None
    outlook: dict[str, Any] = Field(description="The forecast: `day` of the breach, its range, `probability`")
    message: str


class LearnedRecipe(BaseModel):
    """A recipe that a person's answer taught. An undo of `answer` ends it."""

    recipe: str
    answer: str = Field(
        description="POST /api/v1/runs/{answer}/undo takes it back", examples=["a-20261121-101530-4f2a9c"]
    )
    heal: str | None
    table: str = Field(examples=["orders.csv"])
    at: str
    by: str | None
    healer: str | None
    column: str | None = Field(examples=["city"])
    text: str = Field(examples=["Pariss -> Paris in city"])
    confidence: float
    values: int = Field(description="Old values that it knows")


class AlertItem(BaseModel):
    """An alarm: of a batch of a watched table, or of a stream."""

    id: str
    kind: Literal["batch", "stream"]
    table: str = Field(description="The table, or the stream", examples=["orders"])
    of: str = Field(description="The batch, or the first event")
    at: str
    issue: str = Field(examples=["null_flood"])
    columns: list[str]
    message: str
    state: str = Field(description="Of the batch; `begins` or `ends` of a stream's trouble")


@router.get("/objectives")
def objectives(
    request: Request, who: Viewer, limit: Limit = 50, after: After = None, table: Table = None
) -> Listed[ObjectiveItem]:
    """How the objectives of watched tables stand: attained, error budget, when they will be missed."""
    service, names = service_of(request), None if table is None else [table]
    found = standings(service.file, names, home=service.home(who.tenant))
    page = cut(found, limit, after)
    return Listed(items=[_objective(each) for each in page.items], next=page.next)


@router.get("/recipes")
def recipes(
    request: Request, who: Viewer, limit: Limit = 50, after: After = None, table: Table = None
) -> Listed[LearnedRecipe]:
    """Recipes that answers taught, newest first: they are replayed on every table with the same columns."""
    service = service_of(request)
    found = learned_recipes(home=service.home(who.tenant), table=table, veil=service.veil(who))
    page = cut(found, limit, after)
    return Listed(items=[LearnedRecipe(**line) for line in page.items], next=page.next)


@router.get("/alerts")
def alarms(
    request: Request, who: Viewer, limit: Limit = 50, after: Place = None, table: Table = None
) -> Listed[AlertItem]:
    """What alarmed, newest first: batches of watched tables, and streams."""
    service = service_of(request)
    page = alerts(home=service.home(who.tenant), limit=limit, before=after, table=table, veil=service.veil(who))
    return Listed(
        items=[AlertItem(**{**vars(each), "columns": list(each.columns)}) for each in page.items], next=page.next
    )


def _objective(standing: Standing) -> ObjectiveItem:
    told = standing.to_dict()
    return ObjectiveItem(**{name: told[name] for name in ObjectiveItem.model_fields})
