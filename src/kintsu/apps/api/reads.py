"""Operations that only read: what they tell is written as JSON by the thread that read it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

__all__ = ["Read"]


class Read(APIRoute):
    """FastAPI hands an operation to a thread, and what it returned to another one, which checks it anew. A model was
    checked when it was made: its JSON is the answer, and the event loop is asked once."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        is_read = options.get("methods") in (["GET"], {"GET"})
        super().__init__(path, _told(endpoint) if is_read else endpoint, **options)


def _told(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    def tell(values: dict[str, Any]) -> Any:
        found = endpoint(**values)
        if not isinstance(found, BaseModel):
            return found
        return Response(found.model_dump_json(by_alias=True), media_type="application/json")

    @wraps(endpoint)
    async def told(**values: Any) -> Any:
        return await run_in_threadpool(tell, values)

    return told
