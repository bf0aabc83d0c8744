"""The settings file of watched tables and of the service: `objectives:`, `alerts:`, `notify:`, `schedules:`,
`privacy:` and `ingest:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kintsu.core.errors import UsageError
from kintsu.core.settings import Setting, nearest, read_settings
from kintsu.io.notify.routes import Route, routes_from
from kintsu.monitor.alerts import AlertPolicy, policy_from
from kintsu.monitor.objectives import Objective, objectives_from
from kintsu.run.privacy import Privacy, privacy_from

__all__ = ["WatchSettings", "find_settings", "watch_settings"]

SECTIONS: Final = ("objectives", "alerts", "notify", "schedules", "privacy", "ingest")
USUAL: Final = Path("kintsu.yaml")


@dataclass(frozen=True)
class WatchSettings:
    """The file, read section by section: what a command does not need it does not ask for."""

    where: str
    sections: Mapping[str, Setting]

    def objectives(self) -> dict[str, tuple[Objective, ...]]:
        """Objectives by table."""
        return objectives_from(self.sections.get("objectives"))

    def objectives_of(self, table: str | None) -> tuple[Objective, ...]:
        """The objectives of one table; of the only one, if none is named.

        Raises
        ------
        UsageError
            There are none of it.
        """
        every = self.objectives()
        if table is None and len(every) == 1:
            return next(iter(every.values()))
        if table is None:
            raise UsageError(f"{self.where} has objectives of {', '.join(every) or 'no table'}: say which table it is")
        if table not in every:
            raise UsageError(f"{self.where} has no objectives of {table!r}{nearest(table, tuple(every))}")
        return every[table]

    def policy(self) -> AlertPolicy:
        """How alerts become incidents and notices."""
        return policy_from(self.sections.get("alerts"))

    def routes(self, environment: Mapping[str, str]) -> tuple[Route, ...]:
        """Where notices go; `environment` is where secrets are."""
        return routes_from(self.sections.get("notify"), environment)

    def privacy(self) -> Privacy:
        """Whose values are masked, and for whom not."""
        return privacy_from(self.sections.get("privacy"))


def watch_settings(path: Path | str) -> WatchSettings:
    """Read a file."""
    return WatchSettings(str(path), read_settings(path).mapping(SECTIONS))


def find_settings(path: Path | str | None = None) -> WatchSettings:
    """The file that is named, else `kintsu.yaml` of the current folder, else settings without any section."""
    if path is None and not USUAL.is_file():
        return WatchSettings(str(USUAL), {})
    return watch_settings(path or USUAL)
