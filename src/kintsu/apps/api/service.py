"""What all requests of one service share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from kintsu.apps.api.feed import Feed
from kintsu.apps.api.figures import Figures
from kintsu.apps.api.identity import IdentityProvider
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.settings import ServeSettings
from kintsu.io.service.events import Events
from kintsu.io.service.keys import Keys
from kintsu.io.service.trail import Trail
from kintsu.io.service.uploads import Uploads
from kintsu.io.store.history import History
from kintsu.io.store.home import tenant_home

__all__ = ["Service", "service_of"]


@dataclass(frozen=True, eq=False)
class Service:
    """Settings, and what is open. Keys, the trail, uploads, jobs and events of all tenants lie in one database; runs,
    watched tables and values of each in a folder of its own."""

    settings: ServeSettings
    identity: IdentityProvider | None = None
    figures: Figures = field(default_factory=Figures)
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    @cached_property
    def _shared(self) -> History:
        return History(self.settings.home)

    @cached_property
    def feed(self) -> Feed:
        """Events on their way to those who look on."""
        return Feed(self.events)

    def of(self, tenant: str) -> History:
        """The shared database, for one tenant."""
        shared = History(self.settings.home, tenant)
        shared.__dict__["engine"] = self._shared.engine  # opened once
        return shared

    def home(self, tenant: str) -> Path:
        """The folder of a tenant's store."""
        return tenant_home(self.settings.home, tenant)

    def keys(self, tenant: str) -> Keys:
        return Keys(self.of(tenant))

    def trail(self, tenant: str) -> Trail:
        return Trail(self.of(tenant))

    def events(self, tenant: str) -> Events:
        return Events(self.of(tenant))

    def uploads(self, tenant: str) -> Uploads:
        return Uploads(self.of(tenant), self.home(tenant) / "files")

    def limit(self, tenant: str, name: str) -> None:
        """Count a request of somebody.

        Raises
        ------
        Refused
            429: there were too many in the last minute.
        """
        most = self.settings.requests_per_minute
        if most and not self._limiter.hit(RateLimitItemPerMinute(most), tenant, name):
            raise Refused(429, f"more than {most} requests in a minute: wait", {"Retry-After": "60"})


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    return cast(Service, request.app.state.service)
