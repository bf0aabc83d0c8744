"""Events on their way to those who look on: the database is asked often while anybody does, and each event is handed
to every listener of its tenant."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.concurrency import run_in_threadpool

from kintsu.io.service.events import Event, Events

__all__ = ["Feed"]

EVERY_S: Final = 0.02  # events of workers come by the database: an eye sees 50 ms
BEHIND: Final = 1_000  # events that a slow listener may be behind before it has to come back by its cursor


class Feed:
    """The events of all tenants; `events` gives those of one."""

    def __init__(self, events: Callable[[str], Events]) -> None:
        self._events = events
        self._listeners: dict[str, set[asyncio.Queue[Event]]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def listen(self, tenant: str, cursor: int) -> AsyncIterator[Event]:
        """The events after `cursor`, then those that come.

        It ends when the listener is too slow: whoever comes back with the last number has missed nothing.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue(BEHIND)
        events = self._events(tenant)
        last = cursor
        self._listeners.setdefault(tenant, set()).add(queue)
        self._tasks.setdefault(tenant, asyncio.create_task(self._watch(tenant)))
        try:
            while held := await run_in_threadpool(events.since, last):
                for event in held:
                    yield event
                last = held[-1].id
            while not queue.full():
                event = await queue.get()
                if event.id > last:
                    last = event.id
                    yield event
        finally:
            self._listeners[tenant].discard(queue)
            if not self._listeners[tenant]:
                del self._listeners[tenant]
                self._tasks.pop(tenant).cancel()

    async def _watch(self, tenant: str) -> None:
        events = self._events(tenant)
        last = await run_in_threadpool(events.last)
        while True:
            for event in await run_in_threadpool(events.since, last):
                last = event.id
                for queue in self._listeners.get(tenant, ()):
                    with contextlib.suppress(asyncio.QueueFull):
                        queue.put_nowait(event)
            await asyncio.sleep(EVERY_S)
