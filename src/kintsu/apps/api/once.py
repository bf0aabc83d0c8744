"""A request that comes again with its `Idempotency-Key` is answered as the first time, and done once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from cryptography.fernet import InvalidToken
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kintsu.apps.api import problems
from kintsu.apps.api.access import principal_of
from kintsu.apps.api.guard import is_write
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service
from kintsu.io.service.replies import Replies, Reply, UnderWay

__all__ = ["KEY", "Once"]

KEY: Final = "Idempotency-Key"
LONGEST: Final = 255
STREAMED: Final = "/api/v1/uploads"  # too long to be held in memory
KEPT_HEADERS: Final = ("content-type", "location")


class Once:
    """Around all operations that write."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_write = scope["type"] == "http" and is_write(scope["method"], scope["path"])
        key = Headers(scope=scope).get(KEY) if may_write else None
        if key is None:
            await self.app(scope, receive, send)
            return
        request, authorization = Request(scope, receive), Headers(scope=scope).get("authorization", "")
        try:
            who = await principal_of(scope, self.service)
        except Refused:  # it is told why by whoever refuses it always
            await self.app(scope, receive, send)
            return
        if not 1 <= len(key) <= LONGEST:
            told = f"an Idempotency-Key has 1 to {LONGEST} characters"
            await problems.answer(request, 422, told)(scope, receive, send)
            return
        name = "\0".join((who.name, who.role, scope["method"], scope["path"], scope["query_string"].decode(), key))
        replies = Replies(self.service.of(who.tenant))
        try:
            known = await run_in_threadpool(replies.begin, name, authorization, datetime.now(UTC))
        except UnderWay:
            told = "the first request with this Idempotency-Key is still being answered: ask again in a moment"
            await problems.answer(request, 409, told, headers={"Retry-After": "1"})(scope, receive, send)
            return
        except InvalidToken:  # whoever asks has another key than the first time
            told = "this Idempotency-Key was used with another sign-in: make a new one"
            await problems.answer(request, 422, told)(scope, receive, send)
            return
        if known is not None:
            request.state.principal = who
            try:
                await self.service.limit(who.tenant, who.name)
            except Refused as refused:
                await problems.answer(request, refused.status, refused.detail, headers=refused.headers)(
                    scope, receive, send
                )
                return
            await (await _again(request, known))(scope, receive, send)
            return
        await self._first(scope, receive, send, replies, name, authorization)

    async def _first(
        self, scope: Scope, receive: Receive, send: Send, replies: Replies, name: str, secret: str
    ) -> None:
        """Let it be answered, and keep the answer where it says that something was done."""
        digest, said = hashlib.sha256(), _Said()

        async def heard() -> Message:
            message = await receive()
            digest.update(message.get("body", b""))
            return message

        async def told(message: Message) -> None:
            said.hear(message)
            if said.is_kept:  # it is kept before the caller knows that it was done
                reply = Reply(digest.hexdigest(), said.status, said.headers, said.content)
                await run_in_threadpool(replies.finish, name, secret, reply)
            await send(message)

        try:
            if scope["path"] == STREAMED:
                await self.app(scope, heard, told)
            else:  # some operations have no body, and would leave it unread
                body = b"".join([chunk async for chunk in _chunks(heard)])
                await self.app(scope, _repeating(body, receive), told)
        except HTTPException as refused:  # the body: what is raised further in is answered there
            await _refusal(Request(scope, receive), refused)(scope, receive, send)
        finally:
            if not said.is_kept:
                await run_in_threadpool(replies.forget, name)


class _Said:
    """An answer on its way."""

    def __init__(self) -> None:
        self.status, self.content, self.is_over = 500, b"", False
        self.headers: list[tuple[str, str]] = []

    def hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = ((name.decode(), value.decode("latin-1")) for name, value in message["headers"])
            self.headers = [pair for pair in pairs if pair[0] in KEPT_HEADERS]
        elif message["type"] == "http.response.body":
            self.content += message.get("body", b"")
            self.is_over = not message.get("more_body", False)

    @property
    def is_kept(self) -> bool:
        """Whether it says that something was done."""
        return self.is_over and 200 <= self.status < 300


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises
    ------
    HTTPException
        413: it is too long. 400: it has no end: what came of it may mean something else, an undo of all for one of a
        cell.
    """
    is_over = False
    while not is_over:
        message = await receive()
        if message["type"] != "http.request":
            raise HTTPException(400, "the request ended before its body did")
        yield message.get("body", b"")
        is_over = not message.get("more_body", False)


def _refusal(request: Request, refused: HTTPException) -> Response:
    return problems.answer(request, refused.status_code, refused.detail)


def _repeating(body: bytes, receive: Receive) -> Receive:
    """The body as if it came now."""
    is_given = False

    async def repeated() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return repeated


async def _again(request: Request, known: Reply) -> Response:
    """The answer of the first time, if the same was asked."""
    digest = hashlib.sha256()
    try:
        async for chunk in _chunks(request.receive):
            digest.update(chunk)
    except HTTPException as refused:
        return _refusal(request, refused)
    if digest.hexdigest() != known.body:
        return problems.answer(request, 422, "this Idempotency-Key came with another body before: make a new key")
    headers = {**dict(known.headers), "Idempotent-Replayed": "true"}
    return Response(known.content, known.status, headers)
