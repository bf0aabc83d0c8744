"""How long the history of watched tables is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kintsu.io.store.batch_rows import RUNS
from kintsu.io.store.history import open_history
from kintsu.io.store.incidents import IncidentStore
from kintsu.io.store.streams import StreamStore

__all__ = ["Pruned", "prune"]


@dataclass(frozen=True)
class Pruned:
    """What was forgotten: months of batches, counted over all tables, incidents, and windows of streams."""

    months: int
    incidents: int
    windows: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self)


def prune(
    names: list[str] | None = None, *, keep_days: int, home: Path | str | None = None, now: datetime | None = None
) -> Pruned:
    """Forget whole months of batches that are older, of the named tables or all, and incidents that ended before; of
    all tables the figures of heals and checks, and the windows and alerts of streams, too.

    What a baseline still learns from stays, however old: see `History.retain`.
    """
    history = open_history(home)
    tables = [history.watched(name) for name in names] if names else [*history.tables(), *history.tables(RUNS)]
    since = (now or datetime.now(UTC)) - timedelta(days=keep_days)
    months = sum(history.retain(table, since) for table in tables)
    streams = StreamStore(history)
    windows = 0 if names else sum(streams.retain(stream, since) for stream in streams.names().values())
    return Pruned(months, IncidentStore(history).retain(tables, since), windows)
