"""Keys with which programs sign in: shown once, kept as a hash, of one tenant and one role, expiring."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kintsu.core.errors import UsageError
from kintsu.io.store.history import History
from kintsu.io.store.records import now_text, text_of

__all__ = ["ROLES", "ApiKey", "Keys"]

ROLES: Final = ("viewer", "steward", "engineer", "admin")
"""Each may do what those before it may: look; answer questions and undo; run work and set up monitors; manage keys."""
PREFIX: Final = "kintsu"  # so that scanners for leaked secrets know one
SECRET: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_([0-9A-Za-z_-]{{43}})")
USED_EVERY: Final = 16  # characters of a time that have to differ for `used_at` to be written: minutes


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret. Times are ISO texts, UTC."""

    id: str
    tenant: str
    name: str
    role: str
    created_at: str
    created_by: str
    expires_at: str | None = None
    revoked_at: str | None = None
    used_at: str | None = None


@dataclass(frozen=True)
class Keys:
    """The keys of one tenant; `of` finds a key of any."""

    history: History

    def create(self, name: str, role: str, *, by: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
        """A new key and its text, which is nowhere kept.

        Raises
        ------
        UsageError
            Unknown role, or no name.
        """
        from kintsu.io.store import schema

        if role not in ROLES:
            raise UsageError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
        if not name.strip():
            raise UsageError("a key needs a name that says who uses it")
        key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        expires = None if expires_at is None else text_of(expires_at)
        made = ApiKey(key, self.history.tenant, name.strip(), role, now_text(), by, expires)
        values = {field: getattr(made, field) for field in ("id", "tenant", "name", "role", "created_at", "created_by")}
        with schema.writing(self.history.engine) as connection:
            connection.execute(schema.api_keys.insert().values(**values, expires_at=expires, digest=_digest(secret)))
        return made, f"{PREFIX}_{key}_{secret}"

    def all(self) -> list[ApiKey]:
        """Every key of this tenant, revoked ones too, the newest first."""
        from kintsu.io.store import schema

        table = schema.api_keys
        query = table.select().where(table.c.tenant == self.history.tenant).order_by(table.c.created_at.desc())
        with schema.reading(self.history.engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def revoke(self, key: str) -> bool:
        """End a key; whether there was such a key of this tenant."""
        from kintsu.io.store import schema

        table = schema.api_keys
        mine = (table.c.tenant == self.history.tenant) & (table.c.id == key)
        with schema.writing(self.history.engine) as connection:
            if connection.execute(table.select().where(mine)).first() is None:
                return False
            connection.execute(table.update().where(mine & table.c.revoked_at.is_(None)).values(revoked_at=now_text()))
        return True

    def of(self, text: str, now: datetime) -> ApiKey | None:
        """The key with this text, whatever its tenant; None where it is unknown, revoked or expired."""
        from kintsu.io.store import schema

        found = SECRET.fullmatch(text)
        if found is None:
            return None
        table = schema.api_keys
        with schema.reading(self.history.engine) as connection:
            row = connection.execute(table.select().where(table.c.id == found[1])).first()
        if row is None or not hmac.compare_digest(row.digest, _digest(found[2])) or row.revoked_at is not None:
            return None
        at = text_of(now)
        if row.expires_at is not None and row.expires_at <= at:
            return None
        if (row.used_at or "")[:USED_EVERY] != at[:USED_EVERY]:
            with schema.writing(self.history.engine) as connection:
                connection.execute(table.update().where(table.c.id == row.id).values(used_at=at))
        return _key(row)


def _digest(secret: str) -> str:
    """A plain hash will do: the secret is random and long, there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Any) -> ApiKey:
    return ApiKey(
        row.id,
        row.tenant,
        row.name,
        row.role,
        row.created_at,
        row.created_by,
        row.expires_at,
        row.revoked_at,
        row.used_at,
    )
