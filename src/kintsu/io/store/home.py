"""Where the store lives: KINTSU_HOME, else `.kintsu/` beside the data; a folder, which may remember a PostgreSQL.

Such a folder holds what one machine has for itself; runs, values and what people said lie in the database, a schema
for each tenant, where every machine that remembers the same URL finds them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kintsu.core.errors import UnknownRun, UsageError

__all__ = [
    "LOCAL",
    "TENANTS",
    "Server",
    "find_home",
    "folder_of",
    "has_store",
    "home_for",
    "is_tenant",
    "is_url",
    "remember",
    "server_of",
    "tenant_home",
    "tenant_in",
]

FOLDER = ".kintsu"
LOCAL = "local"  # the tenant where there is only one
TENANTS = "tenants"
MEMORY = "database.json"  # readable by its owner only: the URL may hold a password
FILE = "kintsu.db"
LONGEST_SCHEMA = 63  # bytes of a name in PostgreSQL; what is longer would be cut, and two might become one
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PASSWORD = re.compile(r"(?<=://)([^:/@?#]*):[^/?#]*@")


@dataclass(frozen=True)
class Server:
    """The PostgreSQL that a store is kept in.

    Attributes
    ----------
    url
        As SQLAlchemy and libpq write it; without a password, libpq looks for one (PGPASSWORD, ~/.pgpass).
    schema
        Of the tenant; None: the first one that the user sees.
    blobs
        A folder that all machines share, for values and originals; None: they lie in the database.
    """

    url: str
    schema: str | None = None
    blobs: Path | None = None


def is_url(place: object) -> bool:
    """Whether this names a database server and not a folder."""
    return isinstance(place, str) and "://" in place


def without_password(url: str) -> str:
    """A URL that may be shown."""
    return _PASSWORD.sub(r"\1:***@", url)


def server_of(home: Path) -> Server | None:
    """The server that a home remembers; that of a tenant, by the home that it lies in. None: its file is the store."""
    told = _memory(home)
    if told is not None:
        return told
    if home.parent.name != TENANTS or not is_tenant(home.name):
        return None
    told = _memory(home.parent.parent)
    if told is None:
        return None
    return Server(told.url, _schema(home.name), None if told.blobs is None else told.blobs / TENANTS / home.name)


def _schema(tenant: str) -> str:
    """Two tenants never share one: the names of both kinds begin with different letters."""
    plain = f"t_{tenant}"
    return plain if len(plain) <= LONGEST_SCHEMA else f"h_{hashlib.sha256(tenant.encode()).hexdigest()[:60]}"


def tenant_in(schema: str) -> str | None:
    """The tenant whose schema this is; None where it is none, or a name that was too long to be read from it."""
    name = schema.removeprefix("t_")
    return name if name != schema and is_tenant(name) else None


def _memory(home: Path) -> Server | None:
    path = f"{home}{os.sep}{MEMORY}"
    try:
        stands = os.stat(path)  # noqa: PTH116 - asked in every transaction, and twice as fast
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"cannot open {home} ({why}): set KINTSU_HOME to a folder that can be written") from error
    return _told(path, stands.st_mtime_ns, stands.st_ino)


@lru_cache(maxsize=64)
def _told(path: str, _changed: int, _file: int) -> Server:
    """What a file holds, for as long as it is the same one."""
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        return Server(told["url"], None, Path(told["blobs"]) if told.get("blobs") else None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read ({type(error).__name__}): say --store URL again") from error


def remember(home: Path, url: str, *, blobs: Path | None = None) -> Path:
    """Let a folder be the home of a store in a PostgreSQL; returns it.

    Raises
    ------
    UsageError
        It holds a store of its own, or remembers another database.
    """
    if (home / FILE).exists():
        raise UsageError(f"{home} holds a history in a file of its own: name another folder for the database's")
    known = _memory(home)
    if known is not None and without_password(known.url) != without_password(url):
        raise UsageError(f"{home} remembers {without_password(known.url)}: name another folder for another database")
    if known is not None and blobs is None:
        blobs = known.blobs
    if known == Server(url, None, blobs):
        return home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = json.dumps({"url": url, "blobs": None if blobs is None else str(blobs)})
    fresh = home / f".{MEMORY}.{os.getpid()}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(home / MEMORY)
    return home


def folder_of(place: Path | str) -> Path:
    """A home as a folder; the URL of a database has one in the user's own folder, where it is remembered."""
    if not is_url(place):
        return Path(place).expanduser().absolute()
    url = str(place)
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    known = hashlib.sha256(without_password(url).encode()).hexdigest()[:16]
    return remember(state / "kintsu" / known, url)


def home_for(source: Path | None) -> Path:
    """The store's folder for a table read from `source` (None: no file, then the current folder is taken)."""
    chosen = os.environ.get("KINTSU_HOME")
    if chosen:
        return folder_of(chosen)
    beside = source.absolute().parent if source is not None else Path.cwd()
    return beside / FOLDER


def has_store(home: Path) -> bool:
    """Whether there is a store: a file, or a database that is remembered."""
    return (home / FILE).is_file() or server_of(home) is not None


def find_home(home: Path | str | None = None, beside: Path | None = None) -> Path:
    """The folder of a store that exists: `home` if given, KINTSU_HOME, `./.kintsu`, then `.kintsu` beside a file.

    Raises
    ------
    UnknownRun
        There is no store in any of these places.
    """
    places: list[Path] = []
    if home is not None:
        places = [folder_of(home)]
    elif os.environ.get("KINTSU_HOME"):
        places = [home_for(None)]
    else:
        places = [Path.cwd() / FOLDER] + ([beside.absolute().parent / FOLDER] if beside is not None else [])
    for place in places:
        if has_store(place):
            return place
    looked = " and ".join(str(place) for place in places)
    raise UnknownRun(f"no history found in {looked}: name the store's folder with --home or KINTSU_HOME")


def is_tenant(name: str) -> bool:
    """Whether this can be the name of a tenant: at most 63 lower-case letters, digits, - and _."""
    return _TENANT.fullmatch(name) is not None


def tenant_home(home: Path, tenant: str) -> Path:
    """The folder of a tenant's store: that of the service for "local", else one of its own within.

    Raises
    ------
    UsageError
        The name cannot be that of a tenant.
    """
    if not is_tenant(tenant):
        raise UsageError(f"{tenant!r} is no name of a tenant: write lower-case letters, digits, - and _, at most 63")
    return home if tenant == LOCAL else home / TENANTS / tenant
