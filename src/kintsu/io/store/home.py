"""Where the store lives: KINTSU_HOME, else `.kintsu/` beside the data."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kintsu.core.errors import UnknownRun, UsageError

__all__ = ["find_home", "home_for", "is_tenant", "is_url", "tenant_home"]

FOLDER = ".kintsu"
LOCAL = "local"  # the tenant where there is only one
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_url(place: object) -> bool:
    """Whether this names a database server and not a folder."""
    return isinstance(place, str) and "://" in place


def home_for(source: Path | None) -> Path:
    """The store's folder for a table read from `source` (None: no file, then the current folder is taken)."""
    chosen = os.environ.get("KINTSU_HOME")
    if chosen:
        if is_url(chosen):
            raise UsageError("KINTSU_HOME names a database: changes and originals are kept in a folder, name that")
        return Path(chosen).expanduser().absolute()
    beside = source.absolute().parent if source is not None else Path.cwd()
    return beside / FOLDER


def find_home(home: Path | str | None = None, beside: Path | None = None) -> Path:
    """The folder of a store that exists: `home` if given, KINTSU_HOME, `./.kintsu`, then `.kintsu` beside a file.

    Raises
    ------
    UnknownRun
        There is no store in any of these places.
    """
    places: list[Path] = []
    if home is not None:
        places = [Path(home).expanduser().absolute()]
    elif os.environ.get("KINTSU_HOME"):
        places = [home_for(None)]
    else:
        places = [Path.cwd() / FOLDER] + ([beside.absolute().parent / FOLDER] if beside is not None else [])
    for place in places:
        if (place / "kintsu.db").is_file():
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
    return home if tenant == LOCAL else home / "tenants" / tenant
