"""The registry of trained models in the store: versions with their lineage, of which at most one a name is live.

A body is never unpickled: each kind of model reads its own bytes, after they were checked against their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from kintsu.core.errors import InputError, UnknownName, UsageError
from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import now_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ARCHIVED", "CANDIDATE", "LIVE", "About", "ModelStore", "ModelVersion", "Promotion", "Registry", "checked"]

CANDIDATE: Final = "candidate"  # trained, and not in use
LIVE: Final = "live"  # in use
ARCHIVED: Final = "archived"  # was in use


@dataclass(frozen=True)
class About:
    """What is known of a trained model, as JSON.

    Attributes
    ----------
    metrics
        What it reached on cases that it had not seen.
    data
        The data window: tables with what of them was learnt from.
    lineage
        Version that was live when it was trained, version of the package, seed.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersion:
    """A version of a model, without its body. `stage` is "candidate", "live" or "archived"."""

    name: str
    version: int
    stage: str
    created_at: str
    created_by: str
    sha256: str
    about: About = field(default_factory=About)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        told = asdict(self)
        about: dict[str, Any] = told.pop("about")
        return told | about


@dataclass(frozen=True)
class Promotion:
    """A change of the live version: from `before` to `version` (None: none is live), and why."""

    name: str
    version: int | None
    before: int | None
    at: str
    by: str
    why: str


class Registry(Protocol):
    """Where versions of models are kept. Every call is atomic; at most one version of a name is live."""

    def __hash__(self) -> int:
        """Two registries of one place are equal: what was read from one is not read again."""

    def register(self, name: str, body: bytes, about: About, *, by: str) -> ModelVersion:
        """Keep a new version, as a candidate; versions count from 1."""

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        """Every version of a name, or of all of them: by name and version."""

    def live(self, names: Sequence[str]) -> dict[str, ModelVersion]:
        """The live versions of several names; those without one are left out."""

    def body(self, name: str, version: int) -> bytes:
        """The trained model; an `InputError` where it is not what was registered."""

    def promote(self, name: str, version: int, *, by: str, why: str = "") -> ModelVersion:
        """Make a version the live one; the one that was is archived."""

    def rollback(self, name: str, *, by: str, why: str = "") -> ModelVersion | None:
        """Take the last promotion back that was not taken back; returns what is live then."""

    def promotions(self, name: str) -> list[Promotion]:
        """Promotions and rollbacks of a name, oldest first."""

    def prune(self, name: str, *, keep: int) -> int:
        """Forget candidates before the last `keep` ones; returns how many went."""


@dataclass(frozen=True)
class ModelStore:
    """The registry of the tenant of a history; no call reads or writes models of another."""

    history: History

    def register(self, name: str, body: bytes, about: About, *, by: str) -> ModelVersion:
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        if not name.strip() or len(name) > 255:
            raise UsageError("a model needs a name, of at most 255 characters")
        m = schema.models
        with schema.writing(self.history.engine) as connection:
            last = connection.execute(select(func.max(m.c.version)).where(self._mine(name))).scalar()
            fresh: dict[str, Any] = {"tenant": self.history.tenant, "name": name, "version": (last or 0) + 1}
            fresh |= {"stage": CANDIDATE, "created_at": now_text(), "created_by": by, "body": body}
            fresh |= {"sha256": _digest(body), "about": json.dumps(asdict(about), ensure_ascii=False)}
            connection.execute(m.insert().values(**fresh))
            return self._version(connection, name, fresh["version"])

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        query = select(*self._heads()).where(self._mine(name)).order_by(m.c.name, m.c.version)
        with schema.reading(self.history.engine) as connection:
            return [_told(row) for row in connection.execute(query)]

    def page(self, *, limit: int, after: str | None = None, name: str | None = None) -> Page[ModelVersion]:
        """At most so many of `versions`, those after a cursor."""
        from sqlalchemy import literal, select, tuple_

        from kintsu.io.store import schema

        m = schema.models
        query = select(*self._heads()).where(self._mine(name)).order_by(m.c.name, m.c.version).limit(limit + 1)
        if after is not None:
            version, _, last = after.partition("_")
            query = query.where(tuple_(m.c.name, m.c.version) > tuple_(literal(last), literal(int(version))))
        with schema.reading(self.history.engine) as connection:
            found = [_told(row) for row in connection.execute(query)]
        return Page.cut(found, limit, lambda each: f"{each.version}_{each.name}")

    def body(self, name: str, version: int) -> bytes:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        with schema.reading(self.history.engine) as connection:
            told = self._version(connection, name, version)
            chosen = select(m.c.body).where(self._mine(name), m.c.version == version)
            return checked(bytes(connection.execute(chosen).scalar_one()), told)

    def promote(self, name: str, version: int, *, by: str, why: str = "") -> ModelVersion:
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            told = self._version(connection, name, version)
            before = self._live(connection, name)
            if before == version:
                raise UsageError(f"version {version} of {name!r} is live already")
            if before is not None:
                self._put(connection, name, before, ARCHIVED)
            self._put(connection, name, version, LIVE)
            self._note(connection, name, version=version, before=before, stage=told.stage, by=by, why=why)
            return self._version(connection, name, version)

    def rollback(self, name: str, *, by: str, why: str = "") -> ModelVersion | None:
        from sqlalchemy import select

        from kintsu.io.store import schema

        p = schema.promotions
        mine = (p.c.tenant == self.history.tenant) & (p.c.name == name)
        with schema.writing(self.history.engine) as connection:
            taken_back = select(p.c.undoes).where(mine, p.c.undoes.is_not(None))
            query = p.select().where(mine, p.c.undoes.is_(None), p.c.id.not_in(taken_back)).order_by(p.c.id.desc())
            last = connection.execute(query.limit(1)).first()
            if last is None and connection.execute(select(schema.models.c.id).where(self._mine(name))).first() is None:
                raise UnknownName(f"no model {name!r}: `kintsu models list` tells those that there are")
            if last is None:
                raise nothing_to_take_back(name)
            self._put(connection, name, last.version, last.stage)
            if last.before is not None:
                self._put(connection, name, last.before, LIVE)
            self._note(connection, name, version=last.before, before=last.version, undoes=last.id, by=by, why=why)
            return None if last.before is None else self._version(connection, name, last.before)

    def promotions(self, name: str) -> list[Promotion]:
        from kintsu.io.store import schema

        p = schema.promotions
        query = p.select().where(p.c.tenant == self.history.tenant, p.c.name == name).order_by(p.c.id)
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(query)
            return [Promotion(row.name, row.version, row.before, row.at, row.by, row.why) for row in rows]

    def live(self, names: Sequence[str]) -> dict[str, ModelVersion]:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        query = select(*self._heads()).where(self._mine(None), m.c.name.in_(list(names)), m.c.stage == LIVE)
        with schema.reading(self.history.engine) as connection:
            return {row.name: _told(row) for row in connection.execute(query)}

    def prune(self, name: str, *, keep: int) -> int:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        spare = self._mine(name) & (m.c.stage == CANDIDATE)
        with schema.writing(self.history.engine) as connection:
            kept = select(m.c.version).where(spare).order_by(m.c.version.desc()).limit(keep)
            last = [row.version for row in connection.execute(kept)]
            return connection.execute(m.delete().where(spare, m.c.version.not_in(last))).rowcount

    def _mine(self, name: str | None) -> Any:
        from kintsu.io.store import schema

        m = schema.models
        mine = m.c.tenant == self.history.tenant
        return mine if name is None else mine & (m.c.name == name)

    @staticmethod
    def _heads() -> list[Any]:
        from kintsu.io.store import schema

        return [column for column in schema.models.c if column.name != "body"]

    def _version(self, connection: Connection, name: str, version: int) -> ModelVersion:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        row = connection.execute(select(*self._heads()).where(self._mine(name), m.c.version == version)).first()
        if row is not None:
            return _told(row)
        known = connection.execute(select(m.c.version).where(self._mine(name)).order_by(m.c.version))
        raise unknown(name, version, [each.version for each in known])

    def _live(self, connection: Connection, name: str) -> int | None:
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.models
        return connection.execute(select(m.c.version).where(self._mine(name), m.c.stage == LIVE)).scalar()

    def _put(self, connection: Connection, name: str, version: int, stage: str) -> None:
        from kintsu.io.store import schema

        m = schema.models
        connection.execute(m.update().where(self._mine(name), m.c.version == version).values(stage=stage))

    def _note(self, connection: Connection, name: str, **values: Any) -> None:
        from kintsu.io.store import schema

        fresh = {"tenant": self.history.tenant, "name": name, "at": now_text(), **values}
        connection.execute(schema.promotions.insert().values(**fresh))


def checked(body: bytes, told: ModelVersion) -> bytes:
    """The body, if it is what was registered."""
    if _digest(body) != told.sha256:
        raise InputError(
            f"version {told.version} of model {told.name!r} was altered: its content does not match its SHA-256. "
            "Promote another version, or train one anew"
        )
    return body


def unknown(name: str, version: int, known: list[int]) -> UnknownName:
    """There is no such version; tells those that there are."""
    there = f"there is {', '.join(map(str, known))}" if known else "there is none of that name yet"
    return UnknownName(f"no version {version} of model {name!r}: {there}")


def nothing_to_take_back(name: str) -> UsageError:
    """No promotion is left."""
    return UsageError(f"no promotion of {name!r} is left to take back: `kintsu models list` tells the versions")


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _told(row: Any) -> ModelVersion:
    about = About(**json.loads(row.about))
    return ModelVersion(row.name, row.version, row.stage, row.created_at, row.created_by, row.sha256, about)
