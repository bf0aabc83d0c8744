"""Events that are pushed within this process: what an HTTP request brings. And a sink that keeps what it gets."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kintsu.core.errors import OutputError
from kintsu.core.events import Event, Output, Positions, Spans

__all__ = ["MemorySink", "QueueSource"]


@dataclass
class QueueSource:
    """A bounded queue of events, each given until it is committed.

    `run` tells this queue from one of the same name before it: both count places from 0.
    """

    name: str
    run: str
    capacity: int = 100_000

    def __post_init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._n = self._done = 0

    @property
    def is_ready(self) -> bool:
        return True

    def push(self, values: Sequence[bytes], *, key: bytes | None = None, wait_s: float = 0.0) -> int:
        """Add events, all or none; the place after the last of them, to wait for.

        Raises
        ------
        OutputError
            The queue is full, after so long: try again later.
        """
        with self._changed:
            room = self._changed.wait_for(lambda: len(self._waiting) + len(values) <= self.capacity, wait_s)
            if not room:
                raise OutputError(f"{self.name}: {len(self._waiting):,} events wait already: try again in a moment")
            at_ms = time.time_ns() // 1_000_000
            for value in values:
                self._waiting.append(Event(self.name, 0, self._n, at_ms, key, value))
                self._n += 1
            self._changed.notify_all()
            return self._n

    def wait(self, place: int, timeout_s: float) -> bool:
        """Whether everything before a place is mended and has arrived, after at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._done >= place, timeout_s)

    def poll(self, most: int, wait_s: float) -> list[Event]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), wait_s)
            events = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._changed.notify_all()
            return events

    def commit(self, positions: Positions, *, wait: bool = False) -> None:
        with self._changed:
            self._done = max(self._done, *positions.values())
            self._changed.notify_all()

    def idle(self) -> None:
        pass

    def spans(self) -> Spans:
        return {(self.name, 0): (0, self._n)}

    def incarnation(self, source: str) -> str:
        return self.run

    def on_leaving(self, settle: Callable[[], object]) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class MemorySink:
    """Keeps what it gets, each event once however often it comes."""

    outputs: dict[str, Output] = field(default_factory=dict)
    told: list[tuple[str, bytes]] = field(default_factory=list)

    def send(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self.outputs.setdefault(output.event.id, output)

    def tell(self, channel: str, key: str, record: bytes) -> None:
        self.told.append((channel, record))

    def settled(self, wait_s: float) -> bool:
        return True

    def close(self) -> None:
        pass
