"""Bodies that are sent, and lists in pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kintsu.io.store.paging import Page

__all__ = ["After", "Asked", "Limit", "Listed", "cut", "number"]

T = TypeVar("T")
DEEPEST: Final = 100  # lists and objects in one another
MOST_UNKNOWN: Final = 20  # fields of a body that are named one by one
Limit = Annotated[int, Query(ge=1, le=500, description="Items of a page")]
After = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="The `next` of the page before")]


class Asked(BaseModel):
    """A body that is sent: a field that is not known is refused, so that nothing misspelt is left out in silence."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_reasonable(cls, told: Any) -> Any:
        """What would cost more to refuse part by part than to look at: pydantic has an error for each."""
        _look(told)
        unknown = told.keys() - cls.model_fields if isinstance(told, dict) else ()
        if len(unknown) > MOST_UNKNOWN:
            raise ValueError(f"{len(unknown):,} fields are not known, such as {min(unknown)!r}")
        return told


def _look(told: Any) -> None:
    """Refuse what no database takes in a text, and no file in its name; and what no function goes down into."""
    level = [told]
    for _ in range(DEEPEST):
        if any(isinstance(each, str) and "\x00" in each for each in level):
            raise ValueError("a text has a NUL character")
        parts = [(*each, *each.values()) if isinstance(each, dict) else each for each in level if _is_nested(each)]
        if not parts:
            return
        level = list(chain.from_iterable(parts))
    raise ValueError(f"nested more than {DEEPEST} deep")


def _is_nested(told: Any) -> bool:
    return isinstance(told, dict | list)


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
