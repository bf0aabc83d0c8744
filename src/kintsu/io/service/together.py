"""Threads that write at the same time share a transaction: one of them writes for all that wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

__all__ = ["Together"]

In = TypeVar("In")
Out = TypeVar("Out")


class _Place(Generic[In, Out]):
    """What somebody brought, and what came of it. `turn` is set when it is written, or is theirs to write."""

    def __init__(self, item: In) -> None:
        self.item = item
        self.answers: list[Out] = []
        self.error: BaseException | None = None
        self.turn = Event()

    def is_done(self) -> bool:
        return bool(self.answers) or self.error is not None


class Together(Generic[In, Out]):
    """Calls `write` with what came while the call before was under way: nobody waits for more to come.

    Parameters
    ----------
    write
        From things to as many answers, in their order. What it raises is raised for all of them.
    """

    def __init__(self, write: Callable[[Sequence[In]], Sequence[Out]]) -> None:
        self._write = write
        self._waiting: list[_Place[In, Out]] = []
        self._adding, self._is_writing = Lock(), False

    def do(self, item: In) -> Out:
        """Have one thing written; its answer, once it is."""
        mine: _Place[In, Out] = _Place(item)
        with self._adding:
            self._waiting.append(mine)
            is_first, self._is_writing = not self._is_writing, True
        if not is_first:
            mine.turn.wait()
        if not mine.is_done():
            self._write_all()
        if mine.error is not None:
            raise mine.error
        return mine.answers[0]

    def _write_all(self) -> None:
        """Write what waits, and hand over to the first of those who came meanwhile."""
        with self._adding:
            now, self._waiting = self._waiting, []
        try:
            for place, answer in zip(now, self._write([place.item for place in now]), strict=True):
                place.answers.append(answer)
        except BaseException as error:  # noqa: BLE001 - each who waits raises it
            for place in now:
                place.error = error
        with self._adding:
            self._is_writing = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.set()
        for place in now:
            place.turn.set()
