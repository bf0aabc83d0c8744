"""What happens, as it happens: a WebSocket that a client opens where it left off."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketState

from kintsu.apps.api.access import principal_with
from kintsu.apps.api.guard import is_foreign
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service
from kintsu.io.service.events import Event
from kintsu.io.store.records import now_text

__all__ = ["router"]

router = APIRouter()
HELLO_S: Final = 10.0  # to say who it is
POLICY: Final = 1008  # of RFC 6455: refused
AGAIN: Final = 1013  # come back: it was too slow
MOST_CURSOR: Final = 2**53


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
        who, cursor = await _hello(socket, service)
    except (Refused, TimeoutError, ValueError) as error:
        await _close(socket, POLICY, str(error) or "say who you are")
        return
    except WebSocketDisconnect:
        return
    service.figures.watchers.inc()
    try:
        await _until_gone(socket, service, who, cursor)
    finally:
        service.figures.watchers.dec()


async def _hello(socket: WebSocket, service: Service) -> tuple[Principal, int | None]:
    said = json.loads(await asyncio.wait_for(socket.receive_text(), HELLO_S))
    cursor = said.get("cursor") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not (cursor is None or (type(cursor) is int and 0 <= cursor <= MOST_CURSOR)):
        raise ValueError('say {"authorization": "Bearer KEY", "cursor": 0}')
    return principal_with(str(said.get("authorization") or ""), service), cursor


async def _until_gone(socket: WebSocket, service: Service, who: Principal, cursor: int | None) -> None:
    since = cursor if cursor is not None else await run_in_threadpool(service.events(who.tenant).last)
    await socket.send_text(json.dumps(_told(Event(since, now_text(), "listening", {}))))

    async def send() -> None:
        async for event in service.feed.listen(who.tenant, since):
            await socket.send_text(json.dumps(_told(event), ensure_ascii=False))
        await _close(socket, AGAIN, "too slow: come back with the last id as the cursor")

    async def receive() -> None:
        while True:  # nothing is expected: it tells when the client goes
            await socket.receive_text()

    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _told(event: Event) -> dict[str, Any]:
    return {"id": event.id, "at": event.at, "kind": event.kind, "body": event.body}


async def _close(socket: WebSocket, code: int, why: str) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.close(code, why[:120])
