"""Runs: what was found and changed, and taking it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.files import BYTES, download, sealed
from kintsu.apps.api.paging import After, Asked, Limit, Listed, cut, number
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.diagnose.report import render
from kintsu.io.store.home import find_home
from kintsu.io.store.records import Run
from kintsu.io.store.reports import read_report
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.run import lists
from kintsu.run.issues import issues
from kintsu.run.show import Shown, show
from kintsu.run.undo import undo

__all__ = ["router"]

router = APIRouter(prefix="/runs", tags=["runs"], route_class=Read)
Column = Annotated[str | None, Query(max_length=512, description="Only this column")]
Row = Annotated[int | None, Query(ge=0, le=2**53, description="Only this row of the input, from 0")]
RecipeId = Annotated[str | None, Query(max_length=64, description="Only what this recipe did")]


class RunItem(BaseModel):
    """A run or an undo in a list."""

    run: str = Field(examples=["r-20261121-101530-4f2a9c"])
    n: int = Field(description="Line of the log that announced it")
    kind: str = Field(description="heal, answer, undo, ...")
    status: str
    started: str
    table: str
    rows: int
    set: int = Field(description="Cells that it changed")
    drop: int
    add: int
    undoes: str | None
    summary: dict[str, Any]


class RunDetail(RunItem):
    """A run with its recipes."""

    seed: int
    versions: dict[str, str]
    selection: dict[str, Any]
    input_sha256: str
    output_sha256: str
    edits: int
    purged: int
    recipes: list[dict[str, Any]]
    answers: int | None = None
    verdicts: int | None = None
    acceptance_rate: float | None = None
    recovery_rate: float | None = None
    downloads: list[Literal["output", "report"]] = Field(description="What can be downloaded of it")


class Taken(Asked):
    """Which part of a run is taken back; all of it, where nothing is said."""

    row: int | None = Field(None, ge=0, le=2**53)
    column: str | None = Field(None, max_length=512)
    recipe: str | None = Field(None, max_length=64)


WHOLE = Taken()


class Undone(BaseModel):
    """An undo: a change of its own, which can be undone."""

    change: str
    run: str = Field(description="What was taken back")
    edits: int
    restored: Literal["bytes", "values", "part"]
    sha256: str


class RecipeLine(BaseModel):
    """A recipe of a run, and how many edits it made."""

    recipe: str | None = Field(examples=["typo-3f9a1c"])
    healer: str | None = Field(examples=["typo"])
    column: str | None = Field(examples=["city"])
    edits: int
    text: str | None = Field(description="What it does, where that is still known")


class IssueLine(BaseModel):
    """Cells (or rows, or a whole column) of one column that are wrong in one way."""

    run: str = Field(examples=["r-20261121-101530-4f2a9c"])
    column: str | None = Field(examples=["city"])
    kind: str = Field(examples=["typo"])
    cells: int = Field(examples=[12])
    cost: float = Field(description="Expected number of wrong cells among them", examples=[11.4])
    mended: int = Field(examples=[10])
    whole: bool = Field(description="It is about the column, not about cells of it")
    detectors: list[str] = Field(examples=[["typo"]])
    examples: list[dict[str, Any]] = Field(description="Some of them, the surest first, with what became of each")


@router.get("")
def runs(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    table: Annotated[str | None, Query(max_length=512)] = None,
    kind: Literal["heal", "answer", "undo"] | None = None,
) -> Listed[RunItem]:
    """Runs and undos, newest first."""
    home = service_of(request).home(who.tenant)
    page = lists.runs(home=home, limit=limit, before=number(after), table=table, kind=kind)
    return Listed(items=[RunItem(**line) for line in page.items], next=page.next)


@router.get("/{run}")
def detail(request: Request, who: Viewer, run: str) -> RunDetail:
    """A run: what it did, by recipe."""
    told = _shown(request, who, run)
    made = told.run
    is_output = made.kind == "heal" and made.id in Path(made.output).parts  # a job writes into a folder of that name
    is_told = told.store.current(made.report, since=made.line, releases=told.releases) is not None
    downloads = [name for name, is_kept in (("output", is_output), ("report", is_told)) if is_kept]
    return RunDetail(**{**told.facts, "n": made.line, "rows": made.rows, "downloads": downloads})


@router.get("/{run}/changes")
def changes(
    request: Request,
    who: Viewer,
    run: str,
    limit: Limit = 100,
    after: After = None,
    row: Row = None,
    column: Column = None,
    recipe: RecipeId = None,
) -> Listed[dict[str, Any]]:
    """The cells that a run changed: row, column, old, new, confidence, healer, recipe, why."""
    return _rows(_shown(request, who, run, row=row, column=column, recipe=recipe).changes, limit, after)


@router.get("/{run}/findings")
def findings(
    request: Request,
    who: Viewer,
    run: str,
    limit: Limit = 100,
    after: After = None,
    column: Column = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
) -> Listed[dict[str, Any]]:
    """What a run found; none where they were not kept."""
    found = _shown(request, who, run).findings
    if found is None:
        return Listed(items=[])
    for name, value in (("column", column), ("kind", kind)):
        found = found if value is None else found.filter(pl.col(name) == value)
    return _rows(found, limit, after)


@router.get("/{run}/recipes")
def recipes(request: Request, who: Viewer, run: str, limit: Limit = 100, after: After = None) -> Listed[RecipeLine]:
    """What a run did, by recipe, the one with most edits first."""
    found = cut(_shown(request, who, run).recipes, limit, after)
    return Listed(items=[RecipeLine(**line) for line in found.items], next=found.next)


@router.get("/{run}/issues")
def run_issues(request: Request, who: Viewer, run: str, limit: Limit = 50, after: After = None) -> Listed[IssueLine]:
    """What was wrong, by column and kind, in order of cost; what was mended is told as the heal left it."""
    service = service_of(request)
    home, veil = service.home(who.tenant), service.veil(who)
    page = issues(run, start=number(after) or 0, limit=limit, home=home, veil=veil)
    return Listed(items=[IssueLine(**line) for line in page.items], next=page.next)


@router.get(
    "/{run}/output",
    response_class=FileResponse,
    responses={200: {"content": BYTES, "description": "The table as it is now"}},
)
def output(request: Request, who: Viewer, run: str) -> FileResponse:
    """The file that a run wrote, as later answers and undos left it."""
    return download(_made(request, who.tenant, run)[0], who, service_of(request).privacy)


@router.get(
    "/{run}/report",
    response_class=HTMLResponse,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "A page without scripts"}
    },
)
def report(request: Request, who: Viewer, run: str) -> HTMLResponse:
    """The report of a heal."""
    return sealed(render(_reported(request, who, run)))


@router.get("/{run}/report.json")
def report_data(request: Request, who: Viewer, run: str) -> dict[str, Any]:
    """What the report of a heal is drawn from: issues by cost, recipes, what was left alone and why, scores."""
    return _reported(request, who, run)


def _reported(request: Request, who: Principal, run: str) -> dict[str, Any]:
    """What is kept of a heal's report, if whoever asks may see all that is in it, without places on this machine."""
    service = service_of(request)
    store = Store(find_home(service.home(who.tenant)))
    made = store.run(run)
    if not set(service.veil(who).over(made.columns, made.sensitive)) <= set(made.sensitive):
        raise Refused(403, "this report was made before columns of it became sensitive: look at the run instead")
    told = read_report(store, made)
    if told is None:
        raise Refused(404, "no report of this run is kept")
    return told | {"run": told["run"] | dict.fromkeys(("input", "output", "home"))}


@router.post("/{run}/undo")
def take_back(request: Request, who: Steward, run: str, part: Taken = WHOLE) -> Undone:
    """Take a run back, exactly, or a part of it; an undo can be taken back too."""
    home = service_of(request).home(who.tenant)
    done = undo(run, home=home, row=part.row, column=part.column, recipe=part.recipe)
    service_of(request).events(who.tenant).add("undo", {"change": done.change, "run": done.run, "edits": done.edits})
    told = done.to_dict()
    return Undone(**{name: told[name] for name in Undone.model_fields})


def _made(request: Request, tenant: str, run: str) -> tuple[Path, Run]:
    """The output of a run, where the service wrote it."""
    service = service_of(request)
    made = Store(find_home(service.home(tenant))).run(run)
    path = Shelf(service.home(tenant)).fetch(Path(made.output)).resolve()
    if not path.is_relative_to(service.uploads(tenant).folder.resolve()):
        raise Refused(404, "the output of this run does not lie with the service: it was made elsewhere")
    return path, made


def _shown(request: Request, who: Principal, run: str, **part: Any) -> Shown:
    service = service_of(request)
    return show(run, home=service.home(who.tenant), veil=service.veil(who), **part)


def _rows(frame: pl.DataFrame, limit: int, after: str | None) -> Listed[dict[str, Any]]:
    start = number(after) or 0
    rows = frame.slice(start, limit).to_dicts()
    return Listed(items=rows, next=str(start + limit) if start + limit < len(frame) else None)
