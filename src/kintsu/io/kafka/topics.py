"""Look at a broker and its topics before anything is started, and make the topics that are written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kintsu.core.errors import InputError, OutputError
from kintsu.io.kafka.options import client

__all__ = ["Broker"]

QUIET: Final = {"log_level": 0}  # what goes wrong is raised, or tried again


@dataclass(frozen=True)
class Broker:
    """Where Kafka is and how to speak to it. Its `repr` holds no secret."""

    servers: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    patience_s: float = 10.0

    def settings(self, **own: Any) -> dict[str, Any]:
        """What a client of librdkafka needs: ours, then what the user asks for."""
        return {"bootstrap.servers": self.servers, **QUIET, **own, **self.options}

    def topics(self) -> dict[str, int]:
        """Number of partitions of each topic.

        Raises
        ------
        InputError
            The broker does not answer, or an option is none.
        """
        try:
            known = self._admin().list_topics(timeout=self.patience_s).topics
        except client().KafkaException as error:
            raise InputError(
                f"no Kafka broker answers at {self.servers} ({error.args[0].name()}, waited {self.patience_s:g} s): "
                "is it running, and is --bootstrap HOST:PORT right?"
            ) from None
        return {name: len(topic.partitions) for name, topic in known.items()}

    def incarnation(self, topic: str) -> str:
        """The id that the broker gave to this topic, "" where it gives none: a topic made anew has another."""
        kafka = client()
        try:
            admin = self._admin()
            asked = admin.describe_topics(kafka.TopicCollection([topic]), request_timeout=self.patience_s)
            found = asked[topic].result(self.patience_s).topic_id
        except (kafka.KafkaException, TimeoutError):
            return ""
        return "" if found is None else str(found)

    def check(self, topic: str) -> int:
        """Number of partitions of a topic.

        Raises
        ------
        InputError
            There is none of this name.
        """
        known = self.topics()
        if topic not in known:
            from kintsu.core.settings import nearest

            there = nearest(topic, [name for name in known if not name.startswith("__")]) if known else "; it has none"
            raise InputError(f"the broker at {self.servers} has no topic {topic!r}{there}. Create it, or name another")
        return known[topic]

    def make(self, topics: Iterable[str], partitions: int) -> dict[str, int]:
        """Make those of these topics that are missing; number of partitions of each.

        Raises
        ------
        OutputError
            The broker refuses.
        """
        kafka = client()
        wanted, known = tuple(topics), self.topics()
        missing = [name for name in wanted if name not in known]
        fresh = [kafka.admin.NewTopic(name, partitions) for name in missing]
        admin = self._admin()  # what it was asked for is given up where it goes
        for name, made in (admin.create_topics(fresh) if fresh else {}).items():
            try:
                made.result(self.patience_s)
            except kafka.KafkaException as error:
                if error.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:  # another worker was faster
                    raise OutputError(
                        f"the broker at {self.servers} does not make the topic {name!r} ({error.args[0].name()}): "
                        "create it by hand, or name one that is there"
                    ) from None
        return {name: known.get(name, partitions) for name in wanted}

    def _admin(self) -> Any:
        kafka = client()
        try:
            return kafka.admin.AdminClient(self.settings())
        except kafka.KafkaException as error:
            raise InputError(f"Kafka does not take these options ({error.args[0].str()}): check --kafka") from None
