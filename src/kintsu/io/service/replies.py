"""Answers to requests with an idempotency key, kept for a day: who asks the same again gets the same answer.

An answer may hold values, or a secret that is shown once: it is encrypted with what only the caller knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kintsu.io.store.history import History
from kintsu.io.store.records import micros

__all__ = ["Replies", "Reply", "UnderWay"]

KEPT: Final = timedelta(days=1)
PATIENCE: Final = timedelta(minutes=5)  # a request that has no answer after so long was lost with its process


class UnderWay(Exception):
    """The first request with this key is still being answered."""


@dataclass(frozen=True)
class Reply:
    """An answer, and the hash of the body that it answered."""

    body: str
    status: int
    headers: Sequence[tuple[str, str]]
    content: bytes


@dataclass(frozen=True)
class Replies:
    """The answers of one tenant. `name` stands for who asks, what, and under which key; `secret` opens the answer."""

    history: History

    def begin(self, name: str, secret: str, now: datetime) -> Reply | None:
        """The answer that was given before; None for whoever comes first: it is theirs to answer now.

        Raises
        ------
        UnderWay
            Somebody else is about to answer.
        """
        from kintsu.io.store import schema

        r, at, key = schema.replies, micros(now), _hash(name)
        mine = (r.c.tenant == self.history.tenant) & (r.c.key == key)
        with schema.writing(self.history.engine) as connection:
            connection.execute(r.delete().where(r.c.at_us < micros(now - KEPT)))
            lost = r.c.status.is_(None) & (r.c.at_us < micros(now - PATIENCE))
            connection.execute(r.delete().where(mine, lost))
            row = connection.execute(r.select().where(mine)).first()
            if row is None:
                fresh = {"tenant": self.history.tenant, "key": key, "body": "", "at_us": at}
                connection.execute(r.insert().values(**fresh, status=None, headers="[]", answer=b""))
                return None
        if row.status is None:
            raise UnderWay
        headers = [(str(name), str(value)) for name, value in json.loads(row.headers)]
        return Reply(row.body, row.status, headers, _cipher(name, secret).decrypt(row.answer))

    def finish(self, name: str, secret: str, reply: Reply) -> None:
        """Keep the answer."""
        from kintsu.io.store import schema

        r = schema.replies
        told = {"body": reply.body, "status": reply.status, "headers": json.dumps(list(reply.headers))}
        mine = (r.c.tenant == self.history.tenant) & (r.c.key == _hash(name))
        with schema.writing(self.history.engine) as connection:
            answer = _cipher(name, secret).encrypt(reply.content)
            connection.execute(r.update().where(mine).values(**told, answer=answer))

    def forget(self, name: str) -> None:
        """There is no answer to keep: the same request may be tried again."""
        from kintsu.io.store import schema

        r = schema.replies
        with schema.writing(self.history.engine) as connection:
            connection.execute(r.delete().where(r.c.tenant == self.history.tenant, r.c.key == _hash(name)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _cipher(name: str, secret: str) -> Any:  # of an optional package
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"{secret}\0{name}".encode()).digest()))
