"""Questions that a heal leaves, and answers to them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Steward, Viewer
from kintsu.apps.api.paging import Asked, Limit, Listed
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.lists import is_undone

__all__ = ["router"]

router = APIRouter(prefix="/runs/{run}/questions", tags=["questions"], route_class=Read)


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


class Said(BaseModel):
    """What came of an answer; `change` can be undone."""

    change: str
    run: str
    applied: int
    open: int


@router.get("")
def questions(request: Request, who: Viewer, run: str, limit: Limit = 20) -> Listed[QuestionItem]:
    """The open questions of a heal, the most valuable first."""
    service = service_of(request)
    home = service.home(who.tenant)
    # a run that was taken back as a whole leaves nothing to ask
    found = [] if is_undone(run, home=home) else ask(run, home=home, limit=limit, veil=service.veil(who))
    return Listed(items=[QuestionItem(**each.to_dict()) for each in found])


@router.post("/{question}")
def choose(request: Request, who: Steward, run: str, question: str, choice: Choice) -> Said:
    """Answer a question: the cells change at once, logged and undoable."""
    service = service_of(request)
    told = answer(run, question, choice.option, home=service.home(who.tenant), by=who.name).to_dict()
    said = Said(**{name: told[name] for name in Said.model_fields})
    service.events(who.tenant).add("answer", said.model_dump())
    return said
