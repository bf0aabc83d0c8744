"""What a learnt judge of batches can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import polars as pl

from kintsu.core.errors import MissingExtra

__all__ = ["Judge", "Score", "one_thread", "torch_or_error"]


@dataclass(frozen=True)
class Score:
    """How odd a batch is: larger is odder, on the judge's own scale; and its columns, most suspect first."""

    score: float
    columns: tuple[str, ...]


class Judge(Protocol):
    """Learns from past batches, oldest first, and scores the next. Seeded; rows may come in any order."""

    name: ClassVar[str]

    def fit(self, history: Sequence[pl.DataFrame]) -> Self:
        """Learn from batches that were right. Returns itself."""

    def score(self, batch: pl.DataFrame) -> Score:
        """Score the batch that comes next; nothing is remembered."""

    def to_bytes(self) -> bytes:
        """What was learnt, with a format version and no pickle; `from_bytes` reads it."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self: ...


def torch_or_error() -> Any:
    """The package torch.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", "deep") from None
    return torch


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """Small networks on one thread: two of them on a busy machine took thirteen times the CPU time of one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
