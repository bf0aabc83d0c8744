"""Events of a stream: what a source gives, what a sink gets, and where each stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

__all__ = [
    "CHANGES",
    "HEALED",
    "ID",
    "QUARANTINE",
    "TREATMENT",
    "WHY",
    "Event",
    "EventSink",
    "EventSource",
    "Headers",
    "Output",
    "Positions",
    "Spans",
]

Headers = Sequence[tuple[str, bytes | None]]
Positions = Mapping[tuple[str, int], int]  # (source, part) -> place after the last event that is done with
Spans = Mapping[tuple[str, int], tuple[int, int]]  # (source, part) -> the first place, the one after the last

HEALED: Final = "healed"
QUARANTINE: Final = "quarantine"
ID: Final = "kintsu-id"
CHANGES: Final = "kintsu-changes"
TREATMENT: Final = "kintsu-treatment"
WHY: Final = "kintsu-why"


class Event(NamedTuple):
    """One event as it came. (source, part, place) is its identity: for Kafka topic, partition and offset."""

    source: str
    part: int
    place: int
    at_ms: int  # when it happened, in milliseconds since 1970; 0 where nobody told
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def id(self) -> str:
        """The identity as text, such as "orders/3/1815": the header `kintsu-id` of what becomes of it."""
        return f"{self.source}/{self.part}/{self.place}"


class Output(NamedTuple):
    """What becomes of an event: `to` HEALED or QUARANTINE, with the headers that are added to its own."""

    event: Event
    to: str
    value: bytes | None
    headers: Headers


class EventSource(Protocol):
    """Where events come from. Every event is given again until it is committed."""

    @property
    def is_ready(self) -> bool:
        """Whether events can come: a group may still be sharing out its parts."""
        ...

    def poll(self, most: int, wait_s: float) -> list[Event]:
        """Up to `most` events, as soon as there are so many or the time is over."""
        ...

    def commit(self, positions: Positions, *, wait: bool = False) -> None:
        """Never give the events before these positions again; `wait` until that is certain."""
        ...

    def idle(self) -> None:
        """Stay alive without taking more events, while the sink is behind; the next `poll` goes on."""
        ...

    def spans(self) -> Spans:
        """From where on, and up to where, there are events, of each part that is ours and where that is known at next
        to no cost: what lies between the events that are done with and the end is the lag."""
        ...

    def incarnation(self, source: str) -> str:
        """Tells a source from an earlier one of the same name whose places it counts anew."""
        ...

    def on_leaving(self, settle: Callable[[], object]) -> None:
        """Call this before parts of the source go to somebody else."""
        ...

    def close(self) -> None:
        """Leave; what was not committed is given to the next."""
        ...


class EventSink(Protocol):
    """Where events go. Sending does not wait: `settled` does."""

    def send(self, outputs: Sequence[Output]) -> None: ...

    def tell(self, channel: str, key: str, record: bytes) -> None:
        """Send a record about the stream: `channel` is "metrics" or "alerts"."""
        ...

    def settled(self, wait_s: float) -> bool:
        """Whether everything that was sent has arrived for good.

        Raises
        ------
        OutputError
            Something cannot be delivered.
        """
        ...

    def close(self) -> None: ...
