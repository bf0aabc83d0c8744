"""How the service runs: read once at its start, from `kintsu.yaml`, the environment and flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Identity", "ServeSettings"]

MIB: Final = 2**20


@dataclass(frozen=True)
class Identity:
    """Who vouches for people: an OpenID Connect issuer whose tokens are taken.

    Attributes
    ----------
    issuer, audience
        As they stand in a token.
    tenant_claim, role_claim
        Claims that hold the tenant and the role; a role may be one of a list. Without a known role nobody is let in.
    """

    issuer: str
    audience: str
    tenant_claim: str = "tenant"
    role_claim: str = "roles"


@dataclass(frozen=True)
class ServeSettings:
    """The settings of one service.

    Attributes
    ----------
    home
        Folder of the store. Each tenant but "local" has a folder of its own in it.
    sign_in
        Whether everybody has to sign in. Without it there is one user, "local", and only this machine may ask.
    hosts
        Names under which the service may be asked for; others are refused, so that a web page cannot reach it by a
        name of its own (DNS rebinding).
    roots
        Folders whose files may be named in a request; without any, only uploads can be worked on.
    queue
        The queue of jobs: redis://... or postgresql://...; a file in `home` without.
    cache
        Where services over one PostgreSQL share answers to reads and counts of requests: redis://...; without, each
        keeps its own.
    lease_s
        How long a worker that is not heard of keeps its job.
    file
        The settings file, for the sections `schedules:`, `alerts:` and `notify:`.
    requests_per_minute
        Of one key or person; 0 sets no limit.
    treatments
        (name, folder) of treatments for events that are pushed and rows that are scored: `name` is the table, or
        TENANT/TABLE. Others are those that jobs trained.
    max_waiting
        Events of a table that may wait to be mended.
    """

    home: Path
    sign_in: bool = False
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    roots: tuple[Path, ...] = ()
    identity: Identity | None = None
    max_upload_bytes: int = 512 * MIB
    max_body_bytes: int = 8 * MIB
    max_rows: int = 20_000_000
    max_columns: int = 5_000
    max_unpacked_bytes: int = 4096 * MIB
    requests_per_minute: int = 0
    queue: str | None = None
    cache: str | None = None
    lease_s: float = 30.0
    file: Path | None = None
    treatments: tuple[tuple[str, Path], ...] = ()
    max_waiting: int = 100_000
