"""What happens, as it happens: a WebSocket that a client opens where it left off."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketState

from kintsu.apps.api.access import principal_with
from kintsu.apps.api.guard import is_foreign
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service
from kintsu.core.errors import KintsuError
from kintsu.io.store.events import Event
from kintsu.io.store.records import now_text

__all__ = ["router"]

router = APIRouter()
HELLO_S: Final = 10.0  # to say who it is
LOOK_S: Final = 30.0  # after which it is asked again whether a key is still good: a socket may stay open for days
POLICY: Final = 1008  # of RFC 6455: refused
AGAIN: Final = 1013  # come back: it was too slow
MOST_CURSOR: Final = 2**53
log = logging.getLogger("kintsu.api")


@router.websocket("/ws/quality")
async def quality(socket: WebSocket) -> None:
    """Events of the tenant, each with its number.

    The client says first `{"authorization": "Bearer KEY", "cursor": N}`: browsers cannot send headers here. Without a
    cursor it gets what happens from now on, with one what happened after event N too; without sign-in it may send `{}`.
    The first answer is of the kind "listening", with the number from which it listens.
    """
    service: Service = socket.app.state.service
    if is_foreign(socket.scope, service.settings):
        await socket.close(POLICY)
        return
    await socket.accept()
    try:
        sign, cursor = await _hello(socket)
        who = await run_in_threadpool(principal_with, sign, service)
    except (Refused, TimeoutError, ValueError) as error:
        await _close(socket, POLICY, str(error) or "say who you are")
        return
    except KintsuError:
        log.exception("nobody can sign in now")
        await _close(socket, AGAIN, "come back: the service cannot look you up now")
        return
    except WebSocketDisconnect:
        return
    service.figures.watchers.inc()
    try:
        await _until_gone(socket, service, who, sign, cursor)
    finally:
        service.figures.watchers.dec()


async def _hello(socket: WebSocket) -> tuple[str, int | None]:
    """What stands for whoever listens, and the cursor."""
    text = await asyncio.wait_for(socket.receive_text(), HELLO_S)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):  # the last: it is too deep
        said = None
    cursor = said.get("cursor") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not (cursor is None or (type(cursor) is int and 0 <= cursor <= MOST_CURSOR)):
        raise ValueError('say {"authorization": "Bearer KEY", "cursor": 0}')
    return str(said.get("authorization") or ""), cursor


async def _until_gone(socket: WebSocket, service: Service, who: Principal, sign: str, cursor: int | None) -> None:
    since = cursor if cursor is not None else await run_in_threadpool(service.events(who.tenant).last)
    await socket.send_text(json.dumps(_told(Event(since, now_text(), "listening", {}))))

    async def send() -> None:
        async for event in service.feed.listen(who.tenant, since):
            await socket.send_text(json.dumps(_told(event), ensure_ascii=False))
        await _close(socket, AGAIN, "too slow: come back with the last id as the cursor")

    async def receive() -> None:
        while True:  # nothing is expected: it tells when the client goes
            await socket.receive_text()

    async def look() -> None:
        while await _is_still(who, sign, service):
            await asyncio.sleep(LOOK_S)
        await _close(socket, POLICY, "this key is not valid any more")

    tasks = [asyncio.create_task(each()) for each in (send, receive, look)]
    _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _is_still(who: Principal, sign: str, service: Service) -> bool:
    """Whether the same sign-in opens the same as before; so it is taken to do while nobody can tell."""
    try:
        return await run_in_threadpool(principal_with, sign, service) == who
    except Refused as refused:
        return refused.status >= 500
    except KintsuError:
        return True


def _told(event: Event) -> dict[str, Any]:
    return {"id": event.id, "at": event.at, "kind": event.kind, "body": event.body}


async def _close(socket: WebSocket, code: int, why: str) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.close(code, why[:120])
