"""Settings of librdkafka, and the library itself where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from kintsu.core.errors import MissingExtra
from kintsu.core.settings import Setting

__all__ = ["client", "options_from"]

SECRETS: Final = ("password", "secret", "token", "key.pem", "user.info")


def client() -> ModuleType:
    """The package confluent_kafka.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import confluent_kafka
        import confluent_kafka.admin
    except ImportError as error:
        raise MissingExtra("confluent-kafka", "kafka") from error
    return confluent_kafka


def options_from(setting: Setting | None, environment: Mapping[str, str]) -> dict[str, str]:
    """A mapping of librdkafka's settings, such as security.protocol; secrets stand there as ${NAME}."""
    options = setting.mapping(form="{linger.ms: 5}") if setting is not None else {}
    return {
        key: each.secret(environment, is_required=key.endswith(SECRETS)) if isinstance(each.value, str) else each.value
        for key, each in options.items()
    }
