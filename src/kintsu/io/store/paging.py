"""A page of a long list, and where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Page"]

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list, and the cursor after which the next page begins; None on the last one."""

    items: Sequence[T]
    next: str | None = None

    @classmethod
    def cut(cls, found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
        """The first `limit` of what was found; whoever looks reads one more than that, to see whether there is more."""
        items = found[:limit]
        return cls(items, cursor(items[-1]) if len(found) > limit else None)
