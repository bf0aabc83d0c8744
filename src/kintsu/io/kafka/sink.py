"""An idempotent producer as a sink of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kintsu.core.errors import OutputError
from kintsu.core.events import ID, QUARANTINE, WHY, Output
from kintsu.io.kafka.options import client
from kintsu.io.kafka.topics import Broker

__all__ = ["KafkaSink"]

OWN: Final = {
    "enable.idempotence": True,
    "message.timeout.ms": 0,  # it tries until the broker is back: giving up would only begin the same again
    "delivery.report.only.error": True,  # that all has arrived is told by an empty queue
    "linger.ms": 5,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 262_144,
}
ANY_PART: Final = -1
FULL_S: Final = 0.05  # wait for room in the queue
TOO_LARGE: Final = "too large for the topic {} with what was mended told in its headers: the event is at {}"


@dataclass
class KafkaSink:
    """Topics by what goes there: "healed", "quarantine", "metrics", "alerts".

    An event goes to the partition of the same number where its topic has as many, which keeps the order of events
    without a key.
    """

    broker: Broker
    topics: Mapping[str, str]
    parts: Mapping[str, int]  # partitions of each topic
    n_parts: int  # of the source

    def __post_init__(self) -> None:
        self._producer: Any = client().Producer(self.broker.settings(**OWN))
        self._failed: list[tuple[Any, Any]] = []
        self._keeps_parts = {to for to, name in self.topics.items() if self.parts[name] == self.n_parts}

    def send(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            event = output.event
            part = event.part if output.to in self._keeps_parts else ANY_PART
            headers = [*event.headers, (ID, event.id), *output.headers]
            try:
                self._produce(
                    self.topics[output.to], output.value, event.key, part, None, self._report, event.at_ms, headers
                )
            except client().KafkaException as error:
                self._instead(output, error.args[0])

    def tell(self, channel: str, key: str, record: bytes) -> None:
        try:
            self._produce(self.topics[channel], record, key, ANY_PART, None, self._report, 0, [])
        except client().KafkaException as error:
            raise self._error(error.args[0], self.topics[channel]) from None

    def _produce(self, *message: Any) -> None:
        """Into the queue of librdkafka, as soon as it has room."""
        while True:
            try:
                self._producer.produce(*message)
                return
            except BufferError:
                self._producer.poll(FULL_S)

    def _instead(self, output: Output, error: Any) -> None:
        """Put an empty event aside that names the one which is too large; anything else is raised."""
        topic, event = self.topics[output.to], output.event
        if error.code() != client().KafkaError.MSG_SIZE_TOO_LARGE:
            raise self._error(error, topic)
        headers = [(ID, event.id), (WHY, TOO_LARGE.format(topic, event.id))]
        self._produce(self.topics[QUARANTINE], None, event.key, ANY_PART, None, self._report, event.at_ms, headers)

    def _report(self, error: Any, message: Any) -> None:
        self._failed.append((error, message.topic()))

    def settled(self, wait_s: float) -> bool:
        left = self._producer.flush(wait_s)
        if self._failed:
            raise self._error(*self._failed[0])
        return not left

    def _error(self, error: Any, topic: str) -> OutputError:
        return OutputError(
            f"topic {topic} at {self.broker.servers} refuses an event ({error.name()}): "
            "check its size limit and the rights of this user"
        )

    def close(self) -> None:
        """What has not arrived is given up: its events were not committed."""
        self._producer.purge()
        self._producer.flush(1)
