"""What the service and its workers share: where things of each tenant are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kintsu.apps.api.settings import ServeSettings
from kintsu.io.service.jobs import Jobs
from kintsu.io.service.uploads import Uploads
from kintsu.io.store.history import History
from kintsu.io.store.home import tenant_home
from kintsu.run.job_source import Desk, Limits
from kintsu.run.privacy import Privacy
from kintsu.run.watch_settings import WatchSettings, find_settings

__all__ = ["Office"]


@dataclass(frozen=True, eq=False)
class Office:
    """Keys, the trail, uploads, jobs and events of all tenants lie in one database; runs, watched tables and values of
    each in a folder of its own."""

    settings: ServeSettings

    @cached_property
    def file(self) -> WatchSettings:
        """The settings file, read once."""
        return find_settings(self.settings.file)

    @cached_property
    def privacy(self) -> Privacy:
        """Whose values are masked, and for whom not."""
        return self.file.privacy()

    def of(self, tenant: str) -> History:
        """The shared database, for one tenant."""
        return History(self.settings.home, tenant)

    def home(self, tenant: str) -> Path:
        """The folder of a tenant's store."""
        return tenant_home(self.settings.home, tenant)

    def uploads(self, tenant: str) -> Uploads:
        return Uploads(self.of(tenant), self.home(tenant) / "files")

    def jobs(self, tenant: str) -> Jobs:
        return Jobs(self.of(tenant))

    def desk(self, tenant: str) -> Desk:
        """What the jobs of a tenant work with."""
        chosen = self.settings
        limits = Limits(chosen.max_rows, chosen.max_columns, chosen.max_unpacked_bytes)
        return Desk(self.home(tenant), self.uploads(tenant), chosen.roots, limits, chosen.file, self.privacy)
