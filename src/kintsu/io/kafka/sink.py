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
            where = {"partition": event.part} if output.to in self._keeps_parts else {}
            if event.at_ms:
                where["timestamp"] = event.at_ms
            headers = [*event.headers, (ID, event.id), *output.headers]
            self._produce(self.topics[output.to], output.value, event.key, headers, where, output)

    def tell(self, channel: str, key: str, record: bytes) -> None:
        self._produce(self.topics[channel], record, key, [], {}, None)

    def _produce(
        self, topic: str, value: Any, key: Any, headers: list[Any], where: Mapping[str, int], output: Output | None
    ) -> None:
        kafka = client()
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=self._report, **where)
                return
            except BufferError:  # the queue is full
                self._producer.poll(FULL_S)
            except kafka.KafkaException as error:
                if output is None or error.args[0].code() != kafka.KafkaError.MSG_SIZE_TOO_LARGE:
                    raise self._error(error.args[0], topic) from None
                value, headers = None, self._instead(output)
                topic, output = self.topics[QUARANTINE], None

    def _instead(self, output: Output) -> list[Any]:
        """Headers of the empty event that stands for one that is too large."""
        return [(ID, output.event.id), (WHY, TOO_LARGE.format(self.topics[output.to], output.event.id))]

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
