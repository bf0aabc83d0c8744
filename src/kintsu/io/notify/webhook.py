"""Notices as JSON to any address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from kintsu.core.notice import Notice
from kintsu.core.settings import Setting
from kintsu.io.notify.post import KEYS, Target, post, target_from

__all__ = ["SIGNATURE", "WebhookNotifier"]

SIGNATURE: Final = "X-Kintsu-Signature"


@dataclass(frozen=True)
class WebhookNotifier:
    """Posts the notice as JSON; signed, where there is a secret.

    The header `X-Kintsu-Signature` is "sha256=" and the HMAC of the body in hexadecimal; `Idempotency-Key` is the id of
    the notice, which is the same when it is sent again.
    """

    name: ClassVar[str] = "webhook"

    target: Target
    secret: str = field(default="", repr=False)

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> WebhookNotifier:
        """Keys: url, secret, timeout, retries, allow_private, ca_file."""
        told = setting.mapping((*KEYS, "secret"), needed=("url",))
        secret = told["secret"].secret(environment) if "secret" in told else ""
        return cls(target_from(told, environment), secret)

    def send(self, notice: Notice) -> None:
        """Post it."""
        body = json.dumps(notice.to_dict(), ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Idempotency-Key": notice.id}
        if self.secret:
            digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        post(self.name, self.target, body, headers)
