"""Events on their way to those who look on: the database is asked often while anybody does, and each event is handed
to every listener of its tenant."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool

from kintsu.io.store.events import Event, Events

__all__ = ["Feed"]

Told = TypeVar("Told")
log = logging.getLogger("kintsu.api")

EVERY_S: Final = 0.02  # events of workers come by the database: an eye sees 50 ms
AGAIN_S: Final = 1.0  # before a store that could not be read is asked again
BEHIND: Final = 1_000  # events that a slow listener may be behind before it has to come back by its cursor


class Feed:
    """The events of all tenants, each watched while anybody listens."""

    def __init__(self, events: Callable[[str], Events]) -> None:
        self._events = events
        self._watched: dict[str, _Watched] = {}

    async def listen(self, tenant: str, cursor: int) -> AsyncIterator[Event]:
        """The events after `cursor`, then those that come.

        It ends when the listener is too slow: whoever comes back with the last number has missed nothing.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue(BEHIND)
        watched = self._watched.get(tenant) or self._watched.setdefault(tenant, _Watched(self._events(tenant)))
        watched.queues.add(queue)
        try:
            await watched.begun.wait()  # from here on nothing is missed: what comes twice is told by its number
            last = cursor
            while held := await run_in_threadpool(watched.events.since, last):
                for event in held:
                    yield event
                last = held[-1].id
            while not queue.full():
                event = await queue.get()
                if event.id > last:
                    last = event.id
                    yield event
        finally:
            watched.queues.discard(queue)
            if not watched.queues and self._watched.get(tenant) is watched:
                del self._watched[tenant]
                watched.task.cancel()


class _Watched:
    """The listeners of one tenant, and the task that serves them."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.queues: set[asyncio.Queue[Event]] = set()
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        last = await self._patiently(self.events.last)
        self.begun.set()
        with self.events.pulse() as has_news:
            while True:
                for event in await self._patiently(partial(self.events.since, last)) if has_news() else ():
                    last = event.id
                    for queue in self.queues:
                        with contextlib.suppress(asyncio.QueueFull):
                            queue.put_nowait(event)
                await asyncio.sleep(EVERY_S)

    async def _patiently(self, ask: Callable[[], Told]) -> Told:
        """What the store tells, once it does: a database that is started anew ends nobody's listening."""
        while True:
            try:
                return await run_in_threadpool(ask)
            except Exception:
                log.exception("the events cannot be read: they are asked for again")
                await asyncio.sleep(AGAIN_S)
