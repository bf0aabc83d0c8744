"""Bodies that are sent, and lists in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kintsu.io.store.paging import Page

__all__ = ["After", "Asked", "Limit", "Listed", "cut", "number"]

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=500, description="Items of a page")]
After = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="The `next` of the page before")]


class Asked(BaseModel):
    """A body that is sent: a field that is not known is refused, so that nothing misspelt is left out in silence."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_no_nul(cls, told: Any) -> Any:
        """No database takes one in a text, and no file in its name."""
        if _holds_nul(told):
            raise ValueError("a text has a NUL character")
        return told


def _holds_nul(told: Any) -> bool:
    if isinstance(told, dict):
        return any(map(_holds_nul, (*told, *told.values())))
    return any(map(_holds_nul, told)) if isinstance(told, list) else isinstance(told, str) and "\x00" in told


class Listed(BaseModel, Generic[T]):
    """A page."""

    items: list[T]
    next: str | None = Field(None, description="Ask for the next page with `after=`; null on the last one")


def number(cursor: str | None) -> int | None:
    """The number in a cursor."""
    return None if cursor is None else int(cursor)


def cut(found: Sequence[T], limit: int, after: str | None) -> Page[T]:
    """A page of a list that is known as a whole; the cursor is a place in it."""
    start = number(after) or 0
    return Page(found[start : start + limit], str(start + limit) if start + limit < len(found) else None)
