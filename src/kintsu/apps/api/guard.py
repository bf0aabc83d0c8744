"""What every request passes first and last: it gets a name, may be refused, is measured, and a write leaves a trail."""

from __future__ import annotations

import logging
import re
import time
from secrets import token_hex
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kintsu.apps.api import problems
from kintsu.apps.api.service import Service
from kintsu.apps.api.settings import ServeSettings
from kintsu.core.errors import KintsuError
from kintsu.io.service.trail import Act

__all__ = ["SAFE", "Guard", "is_foreign", "is_write", "route_of"]

SAFE: Final = ("GET", "HEAD", "OPTIONS")
WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")
API: Final = "/api/v1"
READS: Final = re.compile(rf"{API}/(graphql|detect/volume|tables/[^/]+/score)")  # that are sent as POST
UPLOADS: Final = f"{API}/uploads"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
log = logging.getLogger("kintsu.api")


class Guard:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, began, status, has_begun = Request(scope), time.perf_counter(), 500, False
        request.state.id = token_hex(6)

        async def guarded(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                told = MutableHeaders(scope=message)
                for name, value in {**HEADERS, "X-Request-Id": request.state.id}.items():
                    told.setdefault(name, value)
            await send(message)

        try:
            refusal = self._refusal(scope, Headers(scope=scope))
            if refusal is not None:
                await problems.answer(request, *refusal)(scope, receive, guarded)
            else:
                await self.app(scope, self._bounded(scope, receive), guarded)
        except KintsuError as error:  # of what stands around the operations, which have answered theirs
            if has_begun:
                raise
            await problems.explain(request, error)(scope, receive, guarded)
        finally:
            await self._told(request, status, time.perf_counter() - began)

    def _most(self, scope: Scope) -> int:
        """Bytes that the body may have."""
        settings = self.service.settings
        return settings.max_upload_bytes if scope["path"] == UPLOADS else settings.max_body_bytes

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if not _is_called(scope, self.service.settings):
            return 400, "this service is not called that: see `hosts` in its settings"
        if scope["method"] not in SAFE and is_foreign(scope, self.service.settings):
            return 403, "a page of another site may not write here"
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            return 400, "an address has no NUL in it"  # neither paths nor databases take one
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > self._most(scope):
            return 413, f"the body may have {self._most(scope)} bytes"
        return None

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """What arrives, as long as it is not too much: a body need not tell its length."""
        got, most = 0, self._most(scope)

        async def bounded() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > most:
                raise HTTPException(413, f"the body may have {most} bytes")
            return message

        return bounded

    async def _told(self, request: Request, status: int, seconds: float) -> None:
        route = route_of(request.scope) or "none"
        principal = getattr(request.state, "principal", None)
        self.service.figures.requests.labels(request.method, route, str(status)).observe(seconds)
        if log.isEnabledFor(logging.INFO):
            facts = {"request": request.state.id, "method": request.method, "route": route, "status": status}
            who = {} if principal is None else {"tenant": principal.tenant, "who": principal.name}
            log.info("request", extra={**facts, **who, "ms": round(seconds * 1000, 1)})
        if principal is not None and is_write(request.method, request.url.path):
            action = f"{request.method} {request.url.path}"
            act = Act(principal.name, principal.role, action, status, request.state.id)
            try:
                await run_in_threadpool(self.service.keep_act, principal.tenant, act)
            except KintsuError as error:  # whoever asked has the answer
                log.error("request %s (%s, %d) is not in the trail", act.request, action, status, exc_info=error)


def is_write(method: str, path: str) -> bool:
    """Whether an operation makes or changes something."""
    return method in WRITES and path.startswith("/api/") and READS.fullmatch(path) is None


def route_of(scope: Scope) -> str | None:
    """The address of an operation as the document tells it, without the values in it; None where there is none."""
    path: str | None = getattr(scope.get("route"), "path", None)
    is_short = path is not None and scope["path"].startswith(API) and not path.startswith(API)
    return f"{API}{path}" if is_short else path  # a route of a router may not know where that was included


def is_foreign(scope: Scope, settings: ServeSettings) -> bool:
    """Whether a page of another site asks, or one that calls this service by a name that it does not have."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    return not _is_called(scope, settings) or (
        origin is not None and urlsplit(origin).netloc != headers.get("host", "")
    )


def _is_called(scope: Scope, settings: ServeSettings) -> bool:
    name = _name(Headers(scope=scope).get("host", ""))
    return "*" in settings.hosts or name in {_name(each) for each in settings.hosts}


def _name(host: str) -> str:
    """The host without its port, in small letters."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as an open bracket
        return ""
