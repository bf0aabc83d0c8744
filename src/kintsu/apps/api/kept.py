"""Answers that were given, in memory and (where services share a database) in a Redis, and the states of stores."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from kintsu.core.errors import MissingExtra, UsageError
from kintsu.io.store.home import FILE, server_of
from kintsu.io.store.schema import opened, snapshot

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["BESIDE", "FRESH_S", "MOST_OF_ONE", "WAIT_S", "Answer", "Kept", "Key", "Route", "Shared", "Versions"]

FRESH_S: Final = 10.0  # then an answer is read anew, whatever the store says: parts of it lie in files
MOST_BYTES: Final = 64 * 2**20
MOST_OF_ONE: Final = 2**18
BESIDE: Final = 2_000  # bytes that an answer takes beside its body: headers, tags, names
FILES: Final = 32  # stores whose state is watched
WAIT_S: Final = 0.2  # a Redis that takes longer is no help
log = logging.getLogger("kintsu.api")


@dataclass(frozen=True)
class Route:
    """The operation that answered, as the document tells its address."""

    path: str | None


@dataclass
class Answer:
    """An answer that was given, and the state of the store that it was read from."""

    version: str
    at: float
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str
    route: Route | None = None
    packed: bytes | None = None

    def in_form(self, *, is_packed: bool) -> bytes:
        """The body; packed once, however often it is asked for."""
        if not is_packed:
            return self.body
        if self.packed is None:
            self.packed = gzip.compress(self.body, 1, mtime=0)
        return self.packed


class Versions:
    """Texts that change when a store does, by whatever process: told in microseconds by SQLite, in a message by
    PostgreSQL."""

    def __init__(self) -> None:
        self._held: OrderedDict[Path, sqlite3.Connection] = OrderedDict()

    async def of(self, home: Path) -> str | None:
        """The state of a store; None where it cannot be told. Asked by one thread."""
        held = self._held.get(home)
        if held is None:
            if server_of(home) is not None:
                return await run_in_threadpool(lambda: snapshot(opened(home)))
            path = home / FILE
            if not path.is_file():
                return None
            held = self._held[home] = sqlite3.connect(path, check_same_thread=False)
            while len(self._held) > FILES:
                self._held.popitem(last=False)[1].close()
        self._held.move_to_end(home)
        return str(held.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Let go of all files."""
        while self._held:
            self._held.popitem()[1].close()


Key = tuple[str, str, str, bytes]


@dataclass
class Kept:
    """Answers by tenant, role, address and parameters, the one that was asked for last at the end."""

    answers: OrderedDict[Key, Answer] = field(default_factory=OrderedDict)
    n_bytes: int = 0

    def get(self, key: Key, version: str) -> Answer | None:
        """The answer, if it is still right."""
        found = self.answers.get(key)
        if found is None:
            return None
        if found.version != version or time.monotonic() - found.at > FRESH_S:
            self._drop(key)
            return None
        self.answers.move_to_end(key)
        return found

    def put(self, key: Key, answer: Answer) -> None:
        """Keep it; those that nobody asked for go."""
        self._drop(key)
        self.answers[key] = answer
        self.n_bytes += _room(key, answer)
        while self.n_bytes > MOST_BYTES:
            self._drop(next(iter(self.answers)))

    def _drop(self, key: Key) -> None:
        gone = self.answers.pop(key, None)
        if gone is not None:
            self.n_bytes -= _room(key, gone)


def _room(key: Key, answer: Answer) -> int:
    """Bytes that an answer takes, packed too: an empty page has a short body, and there is one for each cursor."""
    return 2 * len(answer.body) + len(key[2]) + len(key[3]) + BESIDE


class Shared:
    """Answers in a Redis, for all services over one PostgreSQL. One that is away, or slow, is done without."""

    def __init__(self, url: str) -> None:
        try:
            from redis.asyncio import Redis
        except ModuleNotFoundError as error:
            raise MissingExtra("redis", "redis") from error
        try:
            self._redis: Redis = Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S)
        except ValueError as error:
            raise UsageError("a cache is redis://HOST/0 or rediss://HOST/0") from error

    async def get(self, name: Sequence[str], version: str) -> Answer | None:
        """The answer of this name that was read from this state of the store."""
        from redis.exceptions import RedisError

        try:
            told = await self._redis.get(_address(name, version))
        except (RedisError, OSError) as error:
            log.warning("the cache cannot be reached: %s", type(error).__name__)
            return None
        if not isinstance(told, bytes):
            return None
        head, _, body = told.partition(b"\n")
        facts = json.loads(head)
        headers = [(each.encode("latin-1"), value.encode("latin-1")) for each, value in facts["headers"]]
        return Answer(version, time.monotonic(), headers, body, facts["tag"], Route(facts["route"]))

    async def put(self, name: Sequence[str], answer: Answer) -> None:
        """Keep it for a moment."""
        from redis.exceptions import RedisError

        headers = [(each.decode("latin-1"), value.decode("latin-1")) for each, value in answer.headers]
        facts = {"headers": headers, "tag": answer.tag, "route": answer.route and answer.route.path}
        told = json.dumps(facts).encode() + b"\n" + answer.body
        try:
            await self._redis.set(_address(name, answer.version), told, px=int(FRESH_S * 1000))
        except (RedisError, OSError) as error:
            log.warning("the cache cannot be reached: %s", type(error).__name__)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def _address(name: Sequence[str], version: str) -> str:
    return "kintsu:answer:" + hashlib.blake2b(json.dumps([*name, version]).encode(), digest_size=24).hexdigest()
