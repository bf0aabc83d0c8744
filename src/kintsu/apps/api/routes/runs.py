"""Runs: what was found and changed, and taking it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.files import download, sealed
from kintsu.apps.api.paging import After, Asked, Limit, Listed, number
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import service_of
from kintsu.io.store.home import find_home
from kintsu.io.store.store import Store
from kintsu.run import lists
from kintsu.run.jobs import REPORT
from kintsu.run.show import Shown, show
from kintsu.run.undo import undo

__all__ = ["router"]

router = APIRouter(prefix="/runs", tags=["runs"])
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


class Taken(Asked):
    """Which part of a run is taken back; all of it, where nothing is said."""

    row: int | None = Field(None, ge=0, le=2**53)
    column: str | None = Field(None, max_length=512)
    recipe: str | None = Field(None, max_length=64)


class Undone(BaseModel):
    """An undo: a change of its own, which can be undone."""

    change: str
    run: str = Field(description="What was taken back")
    edits: int
    restored: Literal["bytes", "values", "part"]
    sha256: str


def _item(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line.get(name) for name in RunItem.model_fields}


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
    return Listed(items=[RunItem(**_item(line)) for line in page.items], next=page.next)


@router.get("/{run}")
def detail(request: Request, who: Viewer, run: str) -> RunDetail:
    """A run: what it did, by recipe."""
    told = _shown(request, who.tenant, run)
    line = told.to_dict(limit=0)
    return RunDetail(**{**line, "n": told.run.line, "rows": told.run.rows})


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
    return _rows(_shown(request, who.tenant, run, row=row, column=column, recipe=recipe).changes, limit, after)


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
    found = _shown(request, who.tenant, run).findings
    if found is None:
        return Listed(items=[])
    for name, value in (("column", column), ("kind", kind)):
        found = found if value is None else found.filter(pl.col(name) == value)
    return _rows(found, limit, after)


@router.get(
    "/{run}/output",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The table as it is now"}},
)
def output(request: Request, who: Viewer, run: str) -> FileResponse:
    """The file that a run wrote, as later answers and undos left it."""
    return download(_made(request, who.tenant, run))


@router.get(
    "/{run}/report",
    response_class=FileResponse,
    responses={200: {"content": {"text/html": {}}, "description": "A page without scripts"}},
)
def report(request: Request, who: Viewer, run: str) -> FileResponse:
    """The report of a heal that the service did."""
    return sealed(_made(request, who.tenant, run).with_name(REPORT))


@router.post("/{run}/undo")
def take_back(request: Request, who: Steward, run: str, part: Taken | None = None) -> Undone:
    """Take a run back, exactly, or a part of it; an undo can be taken back too."""
    home, asked = service_of(request).home(who.tenant), part or Taken()
    done = undo(run, home=home, row=asked.row, column=asked.column, recipe=asked.recipe)
    service_of(request).events(who.tenant).add("undo", {"change": done.change, "run": done.run, "edits": done.edits})
    told = done.to_dict()
    return Undone(**{name: told[name] for name in Undone.model_fields})


def _made(request: Request, tenant: str, run: str) -> Path:
    """The output of a run, where the service wrote it."""
    service = service_of(request)
    path = Path(Store(find_home(service.home(tenant))).run(run).output).resolve()
    if not path.is_relative_to(service.uploads(tenant).folder.resolve()):
        raise Refused(404, "the output of this run does not lie with the service: it was made elsewhere")
    return path


def _shown(request: Request, tenant: str, run: str, **part: Any) -> Shown:
    return show(run, home=service_of(request).home(tenant), **part)


def _rows(frame: pl.DataFrame, limit: int, after: str | None) -> Listed[dict[str, Any]]:
    start = number(after) or 0
    rows = frame.slice(start, limit).to_dicts()
    return Listed(items=rows, next=str(start + limit) if start + limit < len(frame) else None)
