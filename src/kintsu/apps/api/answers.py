"""Answers to GET: tagged (ETag), packed, and remembered as long as the store they were read from stays as it is."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sqlite3
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kintsu.apps.api.access import principal_of
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service
from kintsu.io.store.home import FILE, server_of

__all__ = ["Answers"]

API: Final = "/api/"
LISTS: Final = ("tables", "runs", "incidents", "alerts", "recipes", "models", "monitors")
KEPT: Final = tuple(f"/api/v1/{name}" for name in LISTS)
NOT_KEPT: Final = ("/questions", "/output", "/report")  # they read files that others may change
FRESH_S: Final = 10.0  # then an answer is read anew, whatever the store says: parts of it lie in files
MOST_BYTES: Final = 64 * 2**20
MOST_OF_ONE: Final = 2**18
LEAST: Final = 1_000  # bytes below which packing gains nothing
FILES: Final = 32  # stores whose state is watched
JSON: Final = b"application/json"


@dataclass
class Answer:
    """An answer that was given, and the state of the store that it was read from."""

    version: int
    at: float
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str
    route: Any = None
    packed: bytes | None = None

    def in_form(self, *, is_packed: bool) -> bytes:
        """The body; packed once, however often it is asked for."""
        if not is_packed:
            return self.body
        if self.packed is None:
            self.packed = gzip.compress(self.body, 1, mtime=0)
        return self.packed


class Versions:
    """Numbers that change when a store's file does, by whatever process: told in microseconds by SQLite."""

    def __init__(self) -> None:
        self._held: OrderedDict[Path, sqlite3.Connection] = OrderedDict()

    def of(self, home: Path) -> int | None:
        """The number of a store; None where it cannot be told. Asked by one thread."""
        held = self._held.get(home)
        if held is None:
            path = home / FILE
            if not path.is_file() or server_of(home) is not None:
                return None
            held = self._held[home] = sqlite3.connect(path, check_same_thread=False)
            while len(self._held) > FILES:
                self._held.popitem(last=False)[1].close()
        self._held.move_to_end(home)
        (now,) = held.execute("PRAGMA data_version").fetchone()
        return int(now)

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

    def get(self, key: Key, version: int) -> Answer | None:
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
        self.n_bytes += 2 * len(answer.body)
        while self.n_bytes > MOST_BYTES:
            self._drop(next(iter(self.answers)))

    def _drop(self, key: Key) -> None:
        gone = self.answers.pop(key, None)
        if gone is not None:
            self.n_bytes -= 2 * len(gone.body)


class Answers:
    """Around all operations."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service
        self._kept, self._versions = Kept(), Versions()
        self._under_way: dict[Key, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            self._versions.close()
            return
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        headers, key, version = Headers(scope=scope), None, None
        if scope["path"].startswith(KEPT) and not scope["path"].endswith(NOT_KEPT):
            key, version = await self._place(scope)
            found = await self._known(key, version)
            if found is not None and self._may_ask(scope):
                scope["route"] = found.route
                await _send(found, headers, send)
                return
        if key is None or version is None or key in self._under_way:
            await self._read(scope, receive, send, headers, None, None)
            return
        self._under_way[key] = over = asyncio.Event()
        try:
            await self._read(scope, receive, send, headers, key, version)
        finally:
            del self._under_way[key]
            over.set()

    async def _known(self, key: Key | None, version: int | None) -> Answer | None:
        """The answer that is kept; that which somebody else is about to get, as soon as they have it."""
        if key is None or version is None:
            return None
        found = self._kept.get(key, version)
        if found is None and key in self._under_way:
            await self._under_way[key].wait()
            found = self._kept.get(key, version)
        return found

    def _may_ask(self, scope: Scope) -> bool:
        """Whether somebody may ask again so soon: who may not is told so by whoever refuses it always."""
        who: Principal = scope["state"]["known"]
        scope["state"]["principal"] = who
        try:
            self.service.limit(who.tenant, who.name)
        except Refused:
            return False
        return True

    async def _place(self, scope: Scope) -> tuple[Key | None, int | None]:
        """Where an answer would be kept, and the state of the store; nothing where nobody may have it."""
        try:
            who = await principal_of(scope, self.service)
        except Refused:
            return None, None
        version = self._versions.of(self.service.folder(who.tenant))
        return (who.tenant, who.role, scope["path"], scope["query_string"]), version

    async def _read(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, key: Key | None, version: int | None
    ) -> None:
        start: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is None:
                await send(message)
                return
            begun, start = start, None
            if begun["status"] != 200 or message.get("more_body"):
                await send(begun)
                await send(message)
                return
            body = message.get("body", b"")
            plain, route = _plain(begun["headers"]), scope.get("route")
            made = Answer(version or 0, time.monotonic(), plain, body, _tag(body), route)
            is_json = any(name == b"content-type" and value.startswith(JSON) for name, value in made.headers)
            if key is not None and version is not None and is_json and len(body) <= MOST_OF_ONE:
                self._kept.put(key, made)
            await _send(made, headers, send, may_pack=is_json)

        await self.app(scope, receive, tagged)


def _plain(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in headers if pair[0] not in (b"etag", b"content-length", b"vary")]


def _tag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


async def _send(answer: Answer, headers: Headers, send: Send, *, may_pack: bool = True) -> None:
    """The answer, or 304 to a client that has it."""
    is_packed = may_pack and len(answer.body) >= LEAST and "gzip" in headers.get("accept-encoding", "")
    tag = f'"{answer.tag}{"-z" if is_packed else ""}"'
    told = [*answer.headers, (b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
    told.append((b"vary", b"Accept-Encoding, Authorization"))
    known = (each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(","))
    if answer.tag in {each.strip('"').removesuffix("-z") for each in known}:
        told = [pair for pair in told if pair[0] != b"content-type"]
        await send({"type": "http.response.start", "status": 304, "headers": told})
        await send({"type": "http.response.body", "body": b""})
        return
    body = answer.in_form(is_packed=is_packed)
    if is_packed:
        told.append((b"content-encoding", b"gzip"))
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": body})
