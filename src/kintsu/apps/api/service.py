"""What all requests of one service share."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from kintsu.apps.api.feed import Feed
from kintsu.apps.api.figures import Figures
from kintsu.apps.api.identity import IdentityProvider
from kintsu.apps.api.intake import Intake
from kintsu.apps.api.kept import WAIT_S
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.office import Office
from kintsu.diagnose.masking import Veil
from kintsu.io.service.jobs import Job, NewJob, Submitted, submit_all
from kintsu.io.service.keys import Keys
from kintsu.io.service.queue import Queue
from kintsu.io.service.together import Together
from kintsu.io.service.trail import Act, Trail, keep_acts
from kintsu.io.store.events import Events
from kintsu.io.store.history import History
from kintsu.io.store.home import has_store
from kintsu.run.ingest import find_treatment
from kintsu.run.replay import Treatment
from kintsu.run.treatment import MANIFEST, load_treatment

__all__ = ["Service", "service_of"]

log = logging.getLogger("kintsu.api")


@dataclass(frozen=True, eq=False)
class Service(Office):
    """Settings, and what is open."""

    identity: IdentityProvider | None = None
    figures: Figures = field(default_factory=Figures)

    @cached_property
    def feed(self) -> Feed:
        """Events on their way to those who look on."""
        return Feed(self.events)

    def folder(self, tenant: str) -> Path:
        """The folder of a tenant's store, which need not be there."""
        return super().home(tenant)

    def home(self, tenant: str) -> Path:
        """The folder of a tenant's store, which is there from the first request on."""
        place = super().home(tenant)
        if not has_store(place):
            _ = History(place).engine  # makes it
        return place

    def keys(self, tenant: str) -> Keys:
        return Keys(self.of(tenant))

    def trail(self, tenant: str) -> Trail:
        return Trail(self.of(tenant))

    def events(self, tenant: str) -> Events:
        return Events(self.of(tenant))

    @cached_property
    def intake(self) -> Intake:
        """What mends events that are pushed."""
        return Intake(self)

    def treatment(self, tenant: str, table: str) -> Treatment:
        """The trained treatment of a table, read once as long as it stays as it is.

        Raises
        ------
        UnknownName
            There is none.
        """
        folder = find_treatment(table, self.home(tenant), self.intake.target(tenant, table).treatment)
        return _treatment(folder, (folder / MANIFEST).stat().st_mtime_ns)

    def close(self) -> None:
        """End what runs in this process."""
        for name in ("intake", "_queue"):  # an application may be started again
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    def veil(self, who: Principal) -> Veil:
        """Whose values are masked for somebody."""
        return self.privacy.veil(who.role)

    @cached_property
    def _queue(self) -> Queue:
        return Queue(self.settings.home, self.settings.queue)

    @cached_property
    def _submits(self) -> Together[NewJob, Submitted]:
        return Together(lambda jobs: submit_all(self.of("local"), jobs))

    def submit(self, new: NewJob) -> Submitted:
        """Queue a job, together with those that others hand in meanwhile."""
        return self._submits.do(new)

    @cached_property
    def _acts(self) -> Together[tuple[str, Act], None]:
        def keep(acts: Sequence[tuple[str, Act]]) -> Sequence[None]:
            keep_acts(self.of("local"), acts)
            return [None] * len(acts)

        return Together(keep)

    def keep_act(self, tenant: str, act: Act) -> None:
        """Append a call to the trail of a tenant."""
        self._acts.do((tenant, act))

    def wake(self, job: Job) -> None:
        """Put a job into the queue, soon. Where that fails, a worker's next sweep finds it in the table."""
        self._queue.put_soon(job.id, job.priority)

    @cached_property
    def _limiter(self) -> MovingWindowRateLimiter:
        cache = self.settings.cache
        if cache is None:
            return MovingWindowRateLimiter(MemoryStorage())
        held: Any = {"socket_timeout": WAIT_S, "socket_connect_timeout": WAIT_S, "key_prefix": "kintsu:limit"}
        told = RedisStorage(f"async+{cache}", wrap_exceptions=True, implementation="redispy", **held)
        return MovingWindowRateLimiter(told)

    async def limit(self, tenant: str, name: str) -> None:
        """Count a request of somebody. Where the cache that counts cannot be reached, nobody is refused.

        Raises
        ------
        Refused
            429: there were too many in the last minute.
        """
        most = self.settings.requests_per_minute
        if not most:
            return
        try:
            may_ask = await self._limiter.hit(RateLimitItemPerMinute(most), tenant, name)
        except StorageError:
            log.warning("the cache cannot be reached: requests are not counted")
            return
        if not may_ask:
            raise Refused(429, f"more than {most} requests in a minute: wait", {"Retry-After": "60"})


@lru_cache(maxsize=8)
def _treatment(folder: Path, _changed_ns: int) -> Treatment:
    return load_treatment(folder)


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    return cast(Service, request.app.state.service)
