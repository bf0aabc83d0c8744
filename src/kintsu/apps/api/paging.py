"""Bodies that are sent, lists in pages, and tags by which a client asks whether there is anything new."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kintsu.io.service.paging import Page

__all__ = ["After", "Asked", "Conditional", "Limit", "Listed", "cut", "number"]

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=500, description="Items of a page")]
After = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="The `next` of the page before")]


class Asked(BaseModel):
    """A body that is sent: a field that is not known is refused, so that nothing misspelt is left out in silence."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_no_nul(cls, told: Any) -> Any:
        """No database takes one in a text, and no file in its name."""
        if _holds_nul(told):
            raise ValueError("a text has a NUL character")
        return told


def _holds_nul(told: Any) -> bool:
    if isinstance(told, dict):
        return any(map(_holds_nul, (*told, *told.values())))
    return any(map(_holds_nul, told)) if isinstance(told, list) else isinstance(told, str) and "\x00" in told


class Listed(BaseModel, Generic[T]):
    """A page."""

    items: list[T]
    next: str | None = Field(None, description="Ask for the next page with `after=`; null on the last one")


def number(cursor: str | None) -> int | None:
    """The number in a cursor."""
    return None if cursor is None else int(cursor)


def cut(found: Sequence[T], limit: int, after: str | None) -> Page[T]:
    """A page of a list that is known as a whole; the cursor is a place in it."""
    start = number(after) or 0
    return Page(found[start : start + limit], str(start + limit) if start + limit < len(found) else None)


class Conditional:
    """Tags answers to GET with a hash of their bytes (ETag), and answers 304 to a client that has them already."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        asked = dict(scope["headers"]).get(b"if-none-match", b"")
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
            if begun["status"] == 200 and not message.get("more_body"):
                tag = b'"' + hashlib.blake2b(message.get("body", b""), digest_size=12).hexdigest().encode() + b'"'
                headers = [pair for pair in begun["headers"] if pair[0] != b"etag"]
                begun["headers"] = [*headers, (b"etag", tag), (b"cache-control", b"private, no-cache")]
                if tag in [part.strip().removeprefix(b"W/") for part in asked.split(b",")]:
                    kept = [pair for pair in begun["headers"] if pair[0] not in (b"content-length", b"content-type")]
                    await send({**begun, "status": 304, "headers": kept})
                    await send({"type": "http.response.body", "body": b""})
                    return
            await send(begun)
            await send(message)

        await self.app(scope, receive, tagged)
