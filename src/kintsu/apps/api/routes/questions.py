"""Questions that a heal leaves, and answers to them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.paging import Asked, Limit, Listed
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.diagnose.masking import HIDDEN
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.lists import may_ask
from kintsu.run.teach import teach

__all__ = ["router"]

router = APIRouter(prefix="/runs/{run}", tags=["questions"], route_class=Read)


class Option(BaseModel):
    """An answer that can be given, and what it would do."""

    option: str = Field(examples=["accept"])
    text: str
    effect: list[dict[str, Any]] = Field(description="Some cells as they would be")


class QuestionItem(BaseModel):
    """A question about a recipe and kind of cell."""

    question: str
    text: str
    cells: int
    confidence: float
    applied: bool
    options: list[Option]


class Choice(Asked):
    """An answer."""

    option: str = Field(min_length=1, max_length=200, examples=["accept"])


class RightValue(Asked):
    """What a cell should hold."""

    row: int = Field(ge=0, le=2**53, description="Of the input, from 0", examples=[4182])
    column: str = Field(max_length=512, examples=["city"])
    value: str | None = Field(max_length=2**20, description="Null: the cell is empty", examples=["Paris"])


class Corrections(Asked):
    """Right values of cells; the value that a cell had says that it was right."""

    cells: list[RightValue] = Field(min_length=1, max_length=1_000)


class Said(BaseModel):
    """What came of an answer; `change` can be undone."""

    change: str
    run: str
    applied: int
    open: int


@router.get("/questions")
def questions(request: Request, who: Viewer, run: str, limit: Limit = 20) -> Listed[QuestionItem]:
    """The open questions of a heal, the most valuable first."""
    service = service_of(request)
    home = service.home(who.tenant)
    found = ask(run, home=home, limit=limit, veil=service.veil(who)) if may_ask(run, home=home) else []
    return Listed(items=[QuestionItem(**each.to_dict()) for each in found])


@router.post("/questions/{question}")
def choose(request: Request, who: Steward, run: str, question: str, choice: Choice) -> Said:
    """Answer a question: the cells change at once, logged and undoable."""
    service = service_of(request)
    told = answer(run, question, choice.option, home=service.home(who.tenant), by=who.name).to_dict()
    said = Said(**{name: told[name] for name in Said.model_fields})
    service.events(who.tenant).add("answer", said.model_dump())
    return said


@router.post("/corrections")
def correct(request: Request, who: Steward, run: str, told: Corrections) -> Said:
    """Give the right values of cells: they change at once, cells like them where that is sure, logged and undoable."""
    if any(cell.value == HIDDEN for cell in told.cells):
        raise Refused(422, f"{HIDDEN} stands for a value that is hidden: give the right one")
    service = service_of(request)
    labels = [(cell.row, cell.column, cell.value) for cell in told.cells]
    done = teach(run, labels, home=service.home(who.tenant), by=who.name).to_dict()
    said = Said(**{name: done[name] for name in Said.model_fields})
    service.events(who.tenant).add("answer", said.model_dump())
    return said
