"""How the objectives of watched tables stand, from their stored history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kintsu.core.errors import UsageError
from kintsu.io.store.history import open_history
from kintsu.monitor.attain import Attainment, attain
from kintsu.monitor.objectives import Objective
from kintsu.run.watch_settings import WatchSettings

__all__ = ["Standing", "at_risk", "stand", "standings"]


@dataclass(frozen=True)
class Standing:
    """How one objective of a table stands."""

    table: str
    attained: Attainment

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {"table": self.table} | self.attained.to_dict()


def stand(
    settings: WatchSettings,
    names: list[str] | None = None,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
    seed: int = 0,
) -> list[Standing]:
    """How the objectives of the named tables stand, or those of all watched tables that have some.

    All batches count, also those that alarmed.

    Raises
    ------
    UsageError
        A named table has no objectives or is not watched, or none has.
    """
    history = open_history(home)
    if names:
        promised: Mapping[str, tuple[Objective, ...]] = {name: settings.objectives_of(name) for name in names}
    else:
        watched = {table.name for table in history.tables()}
        promised = {name: listed for name, listed in settings.objectives().items() if name in watched}
    out = []
    for name, listed in promised.items():
        facts = sorted({objective.fact for objective in listed})
        course = history.course(history.watched(name), facts)
        at = now or datetime.now(UTC)
        out += [Standing(name, attain(objective, course, at, seed=seed)) for objective in listed]
    if not out:
        raise UsageError(f"{settings.where} has no objectives of a watched table: see docs/how-to/set-objectives.md")
    return out


def at_risk(
    settings: WatchSettings,
    names: list[str] | None = None,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
) -> list[Standing]:
    """The objectives that are breached or at risk; none where there are no objectives."""
    return [each for each in standings(settings, names, home=home, now=now) if each.attained.state != "ok"]


def standings(
    settings: WatchSettings,
    names: list[str] | None = None,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
) -> list[Standing]:
    """As `stand`, but none where there are no objectives."""
    known = settings.objectives()
    watched = [table.name for table in open_history(home).tables()]
    wanted = [name for name in known if known[name] and name in (names or watched)]
    return stand(settings, wanted, home=home, now=now) if wanted else []
