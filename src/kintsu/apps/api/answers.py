"""Answers to GET: tagged (ETag), packed, and remembered as long as the store they were read from stays as it is."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kintsu.apps.api.access import principal_of
from kintsu.apps.api.guard import route_of
from kintsu.apps.api.kept import MOST_OF_ONE, Answer, Kept, Key, Route, Shared, Versions
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service
from kintsu.io.store.home import server_of

__all__ = ["Answers"]

API: Final = "/api/"
LISTS: Final = ("tables", "runs", "incidents", "alerts", "recipes", "models", "monitors")
KEPT: Final = tuple(f"/api/v1/{name}" for name in LISTS)
NOT_KEPT: Final = ("/questions", "/output", "/report")  # they read files that others may change
LEAST: Final = 1_000  # bytes below which packing gains nothing
JSON: Final = b"application/json"


class Answers:
    """Around all operations."""

    def __init__(self, app: ASGIApp, service: Service, shared: Shared | None) -> None:
        self.app, self.service, self._shared = app, service, shared
        self._kept, self._versions = Kept(), Versions()
        self._under_way: dict[Key, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            self._versions.close()
            if self._shared is not None:
                await self._shared.close()
            return
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        headers, key, version = Headers(scope=scope), None, None
        if scope["path"].startswith(KEPT) and not scope["path"].endswith(NOT_KEPT):
            key, version = await self._place(scope)
            found = await self._known(key, version)
            if found is not None and await self._may_ask(scope):
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

    async def _known(self, key: Key | None, version: str | None) -> Answer | None:
        """The answer that is kept; that which somebody else is about to get, as soon as they have it."""
        if key is None or version is None:
            return None
        found = self._kept.get(key, version)
        if found is None and key in self._under_way:
            await self._under_way[key].wait()
            found = self._kept.get(key, version)
        if found is None and (name := self._name(key)) is not None and self._shared is not None:
            found = await self._shared.get(name, version)
            if found is not None:
                self._kept.put(key, found)
        return found

    def _name(self, key: Key) -> tuple[str, ...] | None:
        """What an answer is called in a cache, where others may have kept it: those over the same tables of the same
        server, which hide the same from the same role. The state of a file is told to each process in its own way."""
        tenant, role, path, query = key
        server = None if self._shared is None else server_of(self.service.folder(tenant))
        if server is None:
            return None
        return (server.url, str(server.schema), repr(self.service.privacy), role, path, query.decode("latin-1"))

    async def _may_ask(self, scope: Scope) -> bool:
        """Whether somebody may ask again so soon: who may not is told so by whoever refuses it always."""
        who: Principal = scope["state"]["known"]
        scope["state"]["principal"] = who
        try:
            await self.service.limit(who.tenant, who.name)
        except Refused:
            return False
        return True

    async def _place(self, scope: Scope) -> tuple[Key | None, str | None]:
        """Where an answer would be kept, and the state of the store; nothing where nobody may have it."""
        try:
            who = await principal_of(scope, self.service)
        except Refused:
            return None, None
        version = await self._versions.of(self.service.folder(who.tenant))
        return (who.tenant, who.role, scope["path"], scope["query_string"]), version

    async def _read(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, key: Key | None, version: str | None
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
            plain, route = _plain(begun["headers"]), Route(route_of(scope))
            made = Answer(version or "", time.monotonic(), plain, body, _tag(body), route)
            is_json = any(name == b"content-type" and value.startswith(JSON) for name, value in made.headers)
            if key is not None and version is not None and is_json and len(body) <= MOST_OF_ONE:
                self._kept.put(key, made)
                if self._shared is not None and (name := self._name(key)) is not None:
                    await self._shared.put(name, made)
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
    if is_packed and len(answer.body) > MOST_OF_ONE:  # megabytes take longer to pack than to hand to a thread
        body = await run_in_threadpool(answer.in_form, is_packed=True)
    else:
        body = answer.in_form(is_packed=is_packed)
    if is_packed:
        told.append((b"content-encoding", b"gzip"))
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": body})
