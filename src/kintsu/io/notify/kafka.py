"""Notices to a topic of Kafka."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from kintsu.core.errors import NotifyError
from kintsu.core.notice import Notice
from kintsu.core.settings import Setting
from kintsu.io.kafka.options import client, options_from

__all__ = ["KafkaNotifier"]

KEYS: Final = ("servers", "topic", "options", "timeout")


@dataclass(frozen=True)
class KafkaNotifier:
    """Produces the notice as JSON; key is the table, the header `id` tells what came twice.

    `options` are settings of librdkafka, such as security.protocol.
    """

    name: ClassVar[str] = "kafka"

    servers: str
    topic: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> KafkaNotifier:
        """Keys: servers, topic, options (of librdkafka; passwords as ${NAME}), timeout."""
        told = setting.mapping(KEYS, needed=("servers", "topic"))
        return cls(
            told["servers"].text(),
            told["topic"].text(),
            options_from(told.get("options"), environment),
            told["timeout"].duration().total_seconds() if "timeout" in told else 10.0,
        )

    def send(self, notice: Notice) -> None:
        """Produce it, and wait until the broker has it."""
        kafka = client()
        delivered: list[Any] = []  # errors of librdkafka, None for a message that arrived
        own = {
            "bootstrap.servers": self.servers,
            "enable.idempotence": True,
            "message.timeout.ms": int(1000 * self.timeout_s),
            "log_level": 0,  # what goes wrong is raised below
        }
        try:
            producer = kafka.Producer({**own, **self.options})
            producer.produce(
                self.topic,
                json.dumps(notice.to_dict(), ensure_ascii=False).encode("utf-8", "replace"),
                notice.tables[0].encode("utf-8", "replace"),
                headers={"id": notice.id},
                on_delivery=lambda error, message: delivered.append(error),
            )
            left = producer.flush(self.timeout_s + 1)
        except (kafka.KafkaException, BufferError, ValueError, TypeError) as error:
            code = error.args[0].name() if isinstance(error, kafka.KafkaException) else type(error).__name__
            raise NotifyError(self.name, f"topic {self.topic}: {code}: check `options`") from None
        if left or not delivered or delivered[0] is not None:
            why = delivered[0].name() if delivered and delivered[0] is not None else "no answer"
            raise NotifyError(self.name, f"topic {self.topic} at {self.servers}: {why}: is the broker there?")
