"""Events that are handed to listeners, whatever becomes of the database meanwhile."""

from __future__ import annotations

import asyncio

from kintsu.apps.api.feed import Feed
from kintsu.core.errors import OutputError
from kintsu.io.store.events import Events
from kintsu.io.store.history import History


def test_a_store_that_is_away_for_a_moment_ends_nobodys_listening(tmp_path):
    faults = [OutputError("the database is started anew")]

    class Away(Events):
        def last(self) -> int:
            if faults:
                raise faults.pop()
            return super().last()

    events = Away(History(tmp_path))
    events.add("job", {"n": 1})

    async def heard() -> list[int]:
        listening = Feed(lambda tenant: events).listen("local", 0)
        first = await asyncio.wait_for(anext(listening), 10)
        events.add("job", {"n": 2})
        second = await asyncio.wait_for(anext(listening), 10)
        await listening.aclose()
        return [first.body["n"], second.body["n"]]

    assert asyncio.run(heard()) == [1, 2] and not faults
