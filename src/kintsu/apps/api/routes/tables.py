"""Tables: what is known of each, and their course over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, Field

from kintsu.apps.api.access import Viewer
from kintsu.apps.api.paging import After, Asked, Limit, Listed, cut, number
from kintsu.apps.api.reads import Read
from kintsu.apps.api.routes.ingest import Table as Name
from kintsu.apps.api.routes.runs import IssueLine
from kintsu.apps.api.service import service_of
from kintsu.diagnose.masking import HIDDEN, Veil
from kintsu.io.service.uploads import sent_as
from kintsu.io.store.courses import latest
from kintsu.run import kept_runs, lists
from kintsu.run.issues import issues
from kintsu.run.kept_profile import kept_profile
from kintsu.run.pictures import expected
from kintsu.run.score import score, score_against

__all__ = ["router"]

router = APIRouter(prefix="/tables", tags=["tables"], route_class=Read)


Sort = Literal["id", "-id", "name", "-name", "last_at", "-last_at"]


class TableItem(BaseModel):
    """A table and the last that is known of it."""

    id: int
    name: str = Field(examples=["orders"])
    kind: Literal["watched", "runs"]
    source: str = Field(
        description="Where it lies; of files that were sent the name: two of a name and a source are one table",
        examples=["/data/orders/*.csv"],
    )
    last: str | None = Field(description="The last batch, or the last run")
    last_at: str | None
    rows: int | None
    state: str | None
    alarm: bool
    issue: str | None
    score: float | None = Field(description="Overall score of the last heal or check, before it mended, in [0, 100]")
    score_after: float | None


class Course(BaseModel):
    """Values over time, oldest first, and what was expected of each fact before it came."""

    columns: dict[str, list[Any]] = Field(description="A list for each column")
    low: dict[str, list[float | None]] = Field(description="By fact; null where nothing was expected yet; see `band`")
    high: dict[str, list[float | None]]


Band = Annotated[bool, Query(description="Tell what was expected of each fact, too")]


@router.get("")
def tables(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    kind: Literal["watched", "runs"] | None = None,
    name: Annotated[str | None, Query(max_length=512)] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Only tables with this in their name")
    ] = None,
    sort: Annotated[Sort, Query(description="`-` turns the order round; `id` is the age")] = "id",
) -> Listed[TableItem]:
    """The tables that are watched, and those that were healed or checked."""
    home = service_of(request).home(who.tenant)
    page = lists.tables(home=home, limit=limit, after=number(after), kind=kind, name=name, q=q, sort=sort)
    lines = [TableItem(**vars(line) | {"source": sent_as(line.source)}) for line in page.items]
    return Listed(items=lines, next=page.next)


class ColumnProfile(BaseModel):
    """A column with its distribution, as `kintsu profile --json` tells it."""

    column: str = Field(examples=["price"])
    type: str = Field(examples=["number"])
    semantic_type: str | None
    rows: int
    nulls: int
    distinct: int
    histogram: list[list[Any]] = Field(description="low, high, cells", examples=[[[10, 12, 31]]])
    top: list[list[Any]] = Field(description="The commonest values, and how often each is there")
    more: dict[str, Any] = Field(description="min, max, mean, std, quantiles, patterns, lengths, ...")


class ProfileOfTable(Listed[ColumnProfile]):
    """Columns of a table with their distributions, and the run that saw them."""

    run: str | None = Field(description="Null, as all of it, where no job has read the table lately")
    kind: Literal["heal", "check"] | None
    at: str | None
    rows: int | None
    scores: dict[str, float | None]


class RuleLine(BaseModel):
    """What a table obeys or should obey."""

    rule: str
    kind: str = Field(examples=["fd"])
    columns: list[str] = Field(examples=[["zip"]])
    text: str = Field(examples=["zip determines city"])
    source: Literal["person", "discovered", "contract"] = Field(
        description="Declared by a person, or found in the table"
    )
    dimension: str = Field(examples=["consistency"])
    confidence: float
    support: int = Field(description="Rows that speak for it")
    as_yaml: dict[str, Any] = Field(description="As it stands in a file of rules")


@router.get("/{table}/profile")
def profile(request: Request, who: Viewer, table: str, limit: Limit = 100, after: After = None) -> ProfileOfTable:
    """The columns of a table with their distributions, as the last job that healed or checked it saw them."""
    service = service_of(request)
    told, veil = kept_profile(table, service.desk(who.tenant)), service.veil(who)
    whole = told["profile"]
    page = cut(list(whole["columns"].items()), limit, after)
    return ProfileOfTable(
        **{name: told[name] for name in ("run", "kind", "at")},
        rows=whole["rows"],
        scores=whole["scores"],
        items=[_column(name, facts, is_hidden=veil.hides(name)) for name, facts in page.items],
        next=page.next,
    )


@router.get("/{table}/rules")
def rules(
    request: Request,
    who: Viewer,
    table: str,
    limit: Limit = 100,
    after: After = None,
    source: Literal["person", "discovered", "contract"] | None = None,
) -> Listed[RuleLine]:
    """The rules of a table, declared and discovered, as the last job that healed or checked it knew them."""
    service = service_of(request)
    told, veil = kept_profile(table, service.desk(who.tenant)), service.veil(who)
    lines = [
        each for each in told["rules"] if source in (None, each["source"]) and not any(map(veil.hides, each["columns"]))
    ]
    page = cut(lines, limit, after)
    return Listed(items=[RuleLine(**line) for line in page.items], next=page.next)


@router.get("/{table}/issues")
def table_issues(
    request: Request, who: Viewer, table: str, limit: Limit = 50, after: After = None
) -> Listed[IssueLine]:
    """What was wrong with a table at its last heal, in order of cost; see `/runs/{run}/issues`."""
    service = service_of(request)
    home, veil = service.home(who.tenant), service.veil(who)
    heals = kept_runs.course(table, (), home=home).filter(pl.col("kind") == "heal")
    if heals.is_empty():  # findings of a check stand in its report
        return Listed(items=[], next=None)
    page = issues(str(heals["run"][-1]), start=number(after) or 0, limit=limit, home=home, veil=veil)
    return Listed(items=[IssueLine(**line) for line in page.items], next=page.next)


Cell = str | int | float | bool | None
CELLS = (str, int, float, bool, type(None))
MOST_COLUMNS = 5_000


def _are_rows(told: Any) -> Any:
    """One error for the first cell that is none, where pydantic would tell five of each."""
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        return told  # it is refused soon enough
    if len(set().union(*told)) > MOST_COLUMNS:
        raise ValueError(f"rows may have {MOST_COLUMNS:,} columns together")
    for place, row in enumerate(told):
        for name, cell in row.items():
            if not isinstance(cell, CELLS):
                raise ValueError(f"row {place}, {name!r}: a cell is a text, a number, true, false or null")
    return told


SomeRows = Annotated[list[dict[str, Cell]], BeforeValidator(_are_rows)]
Rows = Annotated[SomeRows, Field(min_length=1, max_length=1_000)]


class ScoreRequest(Asked):
    """Rows that are looked at; nothing of them is kept."""

    rows: Rows = Field(examples=[[{"id": "o1", "city": "Pariss"}]])
    against: Annotated[SomeRows, Field(min_length=20, max_length=10_000)] | None = Field(
        None,
        description="Rows that are known: how odd rows are beside these is told then, without a treatment",
    )


class Proposal(BaseModel):
    """A cell that would change, or that a person would be asked about."""

    column: str
    old: str | None
    new: str | None
    confidence: float | None
    action: Literal["apply", "suggest"]
    reason: str | None
    recipe: str | None


class RowScore(BaseModel):
    """How bad a row is."""

    score: float = Field(ge=0, le=1, description="The surest finding, or how odd the row is as a whole")
    why: str
    is_anomaly: bool
    column: str | None = None
    kind: str | None = None
    p_value: float | None = Field(None, description="Share of the known rows that are at least as odd")
    unmendable: str | None = Field(None, description="Why a stream would put the row aside")
    proposals: list[Proposal] = []


class Scored(BaseModel):
    """Scores of rows, in order."""

    table: str
    treatment: str | None
    rows: list[RowScore]


@router.post("/{table}/score")
def score_some(request: Request, who: Viewer, table: Name, asked: ScoreRequest) -> Scored:
    """How bad rows are, why, and how they would be mended: by the trained treatment of the table, or beside known rows.

    At most 1,000 rows, at once; send a file and a job of the kind score for more.
    """
    service = service_of(request)
    if asked.against is not None:
        odd = score_against(asked.rows, asked.against)
        return Scored(table=table, treatment=None, rows=[RowScore(**line) for line in odd])
    treatment = service.treatment(who.tenant, table)
    told = score(asked.rows, treatment, veil=service.veil(who))
    rows = [RowScore(is_anomaly=bool(line["why"] or line["unmendable"]), **line) for line in told]
    return Scored(table=table, treatment=treatment.id, rows=rows)


VALUES = ("min", "max", "mean", "std", "quantiles", "skewness", "kurtosis")


def _column(name: str, facts: dict[str, Any], *, is_hidden: bool) -> ColumnProfile:
    if is_hidden:
        masked = {"top": [[HIDDEN, n] for _, n in facts["top"]], "histogram": [], "patterns": []}
        facts = {**facts, **dict.fromkeys(VALUES), **masked}
    told = {each: facts[each] for each in ColumnProfile.model_fields if each in facts}
    return ColumnProfile(column=name, **told, more={each: value for each, value in facts.items() if each not in told})


@router.get("/{table}/course")
def course(
    request: Request,
    who: Viewer,
    table: str,
    fact: Annotated[list[str] | None, Query(max_length=200, description="Scores, counts, or facts of a column")] = None,
    days: Annotated[float | None, Query(gt=0, le=36_500)] = None,
    band: Band = False,
) -> Course:
    """The heals and checks of a table over time: scores before and after, counts, facts of its columns."""
    service = service_of(request)
    facts = fact or kept_runs.USUAL
    return over_time(
        kept_runs.course(table, facts, home=service.home(who.tenant)), facts, days, service.veil(who), band=band
    )


def over_time(course: pl.DataFrame, facts: Sequence[str], days: float | None, veil: Veil, *, band: bool) -> Course:
    """The last days of a course without masked values; what was expected is judged by all of it."""
    whole = veiled(course, veil)
    shown = whole if days is None else latest(whole, days)
    low, high = expected(whole, facts, last=len(shown)) if band else ({}, {})
    return Course(columns=shown.to_dict(as_series=False), low=low, high=high)


SHARES = ("completeness", "distinct", "top_share")  # facts of a column that tell no values


def veiled(course: pl.DataFrame, veil: Veil) -> pl.DataFrame:
    """A course without the facts that are values of masked columns."""
    named = [(name, *name.partition(":")[::2]) for name in course.columns if ":" in name]
    return course.drop(name for name, fact, column in named if fact not in SHARES and veil.hides(column))
