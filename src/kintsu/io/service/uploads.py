"""Files that were sent to the service, in the tenant's folder: kept under an id, never under a name from outside."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from kintsu.core.errors import UsageError
from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import now_text, text_of
from kintsu.io.store.shelf import Shelf

__all__ = ["TooLarge", "Upload", "Uploads", "sent_as"]

UNSAFE: Final = re.compile(r"[^\w.() -]+", re.UNICODE)
PLACE: Final = re.compile(r".*[/\\]files[/\\][0-9a-f]{32}[/\\]([^/\\]+)")
LONGEST: Final = 120  # bytes of a file's name: a system takes 255, and what is made of it is called longer


class TooLarge(UsageError):
    """More bytes than an upload may have."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent. `name` is what it was called, made harmless."""

    id: str
    name: str
    bytes: int
    sha256: str
    created_at: str
    created_by: str


@dataclass(frozen=True)
class Uploads:
    """The uploads of one tenant; their bytes lie in `folder`/<id>/<name>."""

    history: History
    folder: Path

    async def add(self, name: str, body: AsyncIterator[bytes], *, by: str, most: int) -> Upload:
        """Keep what is sent, as it arrives.

        Raises
        ------
        TooLarge
            It has more than `most` bytes; nothing is kept.
        UsageError
            It is empty.
        """
        upload, safe = secrets.token_hex(16), _safe(name)
        place = self.folder / upload
        place.mkdir(parents=True, mode=0o700)
        digest, size = hashlib.sha256(), 0
        try:
            with (place / safe).open("xb") as file:
                async for chunk in body:
                    size += len(chunk)
                    if size > most:
                        raise TooLarge(f"an upload may have {most} bytes, and this one has more")
                    digest.update(chunk)
                    file.write(chunk)
            if not size:
                raise UsageError("the upload is empty: send the bytes of a table")
            made = Upload(upload, safe, size, digest.hexdigest(), now_text(), by)
            await asyncio.to_thread(self._keep, made, place)  # databases make whoever writes wait for others
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return made

    def _keep(self, upload: Upload, place: Path) -> None:
        from kintsu.io.store import schema

        shelf = Shelf(self.folder.parent)
        shelf.keep(place)
        try:
            with schema.writing(self.history.engine) as connection:
                connection.execute(schema.uploads.insert(), {"tenant": self.history.tenant, **vars(upload)})
        except BaseException:
            shelf.drop(place)
            raise

    def find(self, upload: str) -> Upload | None:
        """The upload with this id, of this tenant."""
        from kintsu.io.store import schema

        with schema.asking(self.history.engine) as connection:
            row = connection.execute(_one(), {"mine": self.history.tenant, "wanted": upload}).first()
        return None if row is None else _upload(row)

    def path(self, upload: Upload) -> Path:
        """Where its bytes lie."""
        return self.folder / upload.id / upload.name

    def at_hand(self, upload: Upload) -> Path:
        """Where its bytes lie on this machine, brought here if another took them in."""
        return Shelf(self.folder.parent).fetch(self.path(upload))

    def page(self, *, limit: int, before: str | None = None) -> Page[Upload]:
        """The last uploads, newest first; those before this cursor."""
        from kintsu.io.store import schema

        table = schema.uploads
        query = table.select().where(table.c.tenant == self.history.tenant)
        if before is not None:
            at, _, last = before.partition("_")
            query = query.where((table.c.created_at < at) | ((table.c.created_at == at) & (table.c.id < last)))
        query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)
        with schema.reading(self.history.engine) as connection:
            found = [_upload(row) for row in connection.execute(query)]
        return Page.cut(found, limit, lambda upload: f"{upload.created_at}_{upload.id}")

    def before(self, moment: datetime) -> list[Upload]:
        """Uploads that came before this moment."""
        from kintsu.io.store import schema

        t = schema.uploads
        query = t.select().where(t.c.tenant == self.history.tenant, t.c.created_at < text_of(moment))
        with schema.reading(self.history.engine) as connection:
            return [_upload(row) for row in connection.execute(query)]

    def remove(self, upload: Upload) -> None:
        """Forget an upload and delete its folder, with what was mended of it."""
        from kintsu.io.store import schema

        table = schema.uploads
        with schema.writing(self.history.engine) as connection:
            connection.execute(table.delete().where(table.c.id == upload.id, table.c.tenant == self.history.tenant))
        Shelf(self.folder.parent).drop(self.folder / upload.id)
        shutil.rmtree(self.folder / upload.id, ignore_errors=True)


def sent_as(place: str) -> str:
    """Where a table lies: of an upload its name alone, on whichever machine it was kept.

    >>> sent_as("/srv/kintsu/files/0123456789abcdef0123456789abcdef/orders.csv")
    'orders.csv'
    >>> sent_as("/data/orders.csv")
    '/data/orders.csv'
    """
    sent = PLACE.fullmatch(place)
    return place if sent is None else sent[1]


@cache
def _one() -> Any:
    """Finds an upload of a tenant. Every job that is handed in asks this: it is put together once."""
    from sqlalchemy import bindparam

    from kintsu.io.store import schema

    table = schema.uploads
    return table.select().where(table.c.tenant == bindparam("mine"), table.c.id == bindparam("wanted"))


def _safe(name: str) -> str:
    """The name without folders and without signs that mean something to a shell or a file system."""
    last = re.split(r"[/\\]", name)[-1]
    stem = UNSAFE.sub("_", last).strip(". ").encode()[-LONGEST:].decode(errors="ignore")
    return stem.strip(". ") or "table.csv"


def _upload(row: Any) -> Upload:
    return Upload(row.id, row.name, row.bytes, row.sha256, row.created_at, row.created_by)
