"""A consumer group of Kafka as a source of events."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from kintsu.core.errors import InputError
from kintsu.core.events import Event, Positions, Spans
from kintsu.io.kafka.options import client
from kintsu.io.kafka.topics import Broker

__all__ = ["KafkaSource"]

OWN: Final = {
    "enable.auto.commit": False,  # offsets go after the outputs have arrived
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 10_000,  # after which a worker that was killed is replaced
    "fetch.wait.max.ms": 50,
    "queued.max.messages.kbytes": 65_536,  # what librdkafka holds ready for us: back-pressure begins there
    "isolation.level": "read_committed",
}

AT_ONCE: Final = 2_000  # messages that are taken before their bytes are counted
ASK_S: Final = 1.0  # that an answer of the broker is worth which is only told
MOST_BYTES: Final = 32 * 2**20  # of a micro-batch


@dataclass
class KafkaSource:
    """The partitions of a topic that the group gives to this worker.

    It must be used by one thread. What the group takes away is first settled, as `on_leaving` was told.
    """

    broker: Broker
    topic: str
    group: str

    def __post_init__(self) -> None:
        kafka = client()
        self._leave: Callable[[], object] = lambda: None
        self._paused: set[tuple[str, int]] = set()
        self._consumer: Any = kafka.Consumer(self.broker.settings(**OWN, **{"group.id": self.group}))
        self._consumer.subscribe([self.topic], on_revoke=self._on_revoke, on_lost=self._on_lost)
        self._early: list[Any] = []  # that came and are not handed over yet
        self._begins: dict[tuple[str, int], int] = {}

    def on_leaving(self, settle: Callable[[], object]) -> None:
        self._leave = settle

    def _on_revoke(self, _consumer: Any, parts: Any) -> None:
        self._leave()
        self._forget(parts)

    def _on_lost(self, _consumer: Any, parts: Any) -> None:
        """The group gave our partitions away while we were silent: whoever has them begins at the last commit."""
        self._forget(parts)

    def _forget(self, parts: Any) -> None:
        """What came and was not handed over comes again, to us too: the group shares all parts out anew."""
        gone = {(part.topic, part.partition) for part in parts}
        self._early = [each for each in self._early if (each.topic(), each.partition()) not in gone]

    def incarnation(self, source: str) -> str:
        return self.broker.incarnation(source)

    def spans(self) -> Spans:
        """Ends are what the broker told with the last messages; where this group begins it is asked once."""
        told = {}
        with suppress(client().KafkaException):  # the group has just taken a part away, or the broker hangs
            for part in self._consumer.assignment():
                end = self._consumer.get_watermark_offsets(part, cached=True)[1]
                if end >= 0:  # else nothing was asked of it yet
                    told[part.topic, part.partition] = self._begin(part), end
        return told

    def _begin(self, part: Any) -> int:
        """The first place of a partition that is this group's to mend."""
        at = part.topic, part.partition
        if at not in self._begins:
            (committed,) = self._consumer.committed([part], timeout=ASK_S)
            low, high = self._consumer.get_watermark_offsets(part, timeout=ASK_S)
            is_all = self.broker.settings(**OWN)["auto.offset.reset"] in ("earliest", "smallest", "beginning")
            self._begins[at] = committed.offset if committed.offset >= 0 else low if is_all else high
        return self._begins[at]

    def poll(self, most: int, wait_s: float) -> list[Event]:
        self._go_on()
        messages = self._taken(most, wait_s)
        events = []
        for message in messages:
            if message.error() is not None:
                self._explain(message.error())
                continue
            kind, at_ms = message.timestamp()
            events.append(
                Event(
                    message.topic(),
                    message.partition(),
                    message.offset(),
                    at_ms if kind else 0,
                    message.key(),
                    message.value(),
                    message.headers() or (),
                )
            )
        if messages and not events:  # only troubles: do not ask again at once
            time.sleep(wait_s)
        return events

    def _taken(self, most: int, wait_s: float) -> list[Any]:
        """Messages until there are enough, or enough bytes, or the time is over and no more lie ready."""
        deadline = time.monotonic() + wait_s
        n_bytes = 0
        while (asked := min(most - len(self._early), AT_ONCE)) > 0 and n_bytes < MOST_BYTES:
            left = deadline - time.monotonic()
            got = self._consumer.consume(asked, max(left, 0.0))  # the group may take parts away in here
            n_bytes += sum(map(len, got))
            self._early += got
            if left <= 0 and len(got) < asked:
                break
        messages, self._early = self._early, []
        return messages

    def _explain(self, error: Any) -> None:
        """Trouble that librdkafka does not get over by itself is raised."""
        kafka = client()
        told = error.code()
        if told in (kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED, kafka.KafkaError.GROUP_AUTHORIZATION_FAILED):
            raise InputError(f"topic {self.topic}: not allowed ({error.name()}): check the rights of this user")
        if told == kafka.KafkaError._AUTHENTICATION or error.fatal():
            raise InputError(f"topic {self.topic} at {self.broker.servers}: {error.name()}: check --kafka")

    def commit(self, positions: Positions, *, wait: bool = False) -> None:
        kafka = client()
        offsets = [kafka.TopicPartition(source, part, place) for (source, part), place in positions.items()]
        # it fails where a partition is not ours any more, or the broker is away: events that come again are told apart
        with suppress(kafka.KafkaException):
            self._consumer.commit(offsets=offsets, asynchronous=not wait)

    def idle(self) -> None:
        parts = self._consumer.assignment()  # again and again: the group may have given us more
        self._consumer.pause(parts)
        self._paused |= {(part.topic, part.partition) for part in parts}
        message = self._consumer.poll(0)  # stays in the group
        if message is not None:
            self._early.append(message)

    def _go_on(self) -> None:
        """Resume what was paused. A part that the group took away stays paused, and is resumed when it comes back."""
        if self._paused:
            parts = [part for part in self._consumer.assignment() if (part.topic, part.partition) in self._paused]
            self._consumer.resume(parts)
            self._paused -= {(part.topic, part.partition) for part in parts}

    @property
    def is_ready(self) -> bool:
        """Whether the group has given it partitions."""
        return bool(self._consumer.assignment())

    def close(self) -> None:
        self._consumer.close()
