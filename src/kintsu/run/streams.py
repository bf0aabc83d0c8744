"""How the streams of a store are doing: what came through, how fast, what was told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any, Final

from kintsu.core.errors import UnknownName
from kintsu.diagnose.masking import HIDDEN, Veil
from kintsu.io.service.pushed import Pushed
from kintsu.io.store.history import open_history
from kintsu.io.store.records import moment_of
from kintsu.io.store.streams import StreamLine, StreamStore, StreamWindow
from kintsu.monitor.stream.tally import WindowTally
from kintsu.run.watch_flow import WINDOW_US

__all__ = ["lags", "stream", "streams"]

RATE_US: Final = 60_000_000  # rates are told over the last minute
PUSHED: Final = "push/"  # what names of streams begin with whose events are pushed
COUNTS: Final = ("events", "passed", "healed", "quarantined", "held", "changes")


def streams(
    *, home: Path | str | None = None, limit: int = 50, after: int | None = None, now_us: int | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """The streams of a store, the first known first, and the cursor of the next page: see `stream`, without windows."""
    store = StreamStore(open_history(home, create=True))
    lines = store.page(limit=limit + 1, after=after)
    now = time.time_ns() // 1_000 if now_us is None else now_us
    pushed = _pushed(store, lines)
    told = [_told(line, store.windows(line.id, now - RATE_US - WINDOW_US), now, pushed) for line in lines[:limit]]
    return told, str(lines[limit - 1].id) if len(lines) > limit else None


def stream(
    id: int,
    *,
    home: Path | str | None = None,
    minutes: float = 60,
    veil: Veil | None = None,
    now_us: int | None = None,
) -> dict[str, Any]:
    """A stream: its topics, rates a second over the last minute, what waits, windows, columns, latest examples and
    alerts.

    Parameters
    ----------
    minutes
        How far back windows, columns and alerts go.
    veil
        Whose values are masked.

    Raises
    ------
    UnknownName
        There is none of this number.
    """
    store = StreamStore(open_history(home, create=True))
    line, screen = store.line(id), veil or Veil()
    if line is None:
        raise UnknownName(f"no stream {id}: GET /api/v1/streams lists them")
    now = time.time_ns() // 1_000 if now_us is None else now_us
    since = now - int(minutes * 60_000_000)
    windows = store.windows(line.id, since)
    total = reduce(WindowTally.merge, (each.tally for each in windows), WindowTally())
    examples = [example for each in reversed(windows) for example in reversed(each.examples)][:20]
    return _told(line, windows, now, _pushed(store, [line])) | {
        "parts": [
            {"source": each.source, "part": each.part, "place": each.place, "end": each.reach, "lag": each.lag}
            for each in line.parts
        ],
        "windows": [_window(each) for each in windows],
        "columns": [
            {"column": column, **_column(asdict(tally), screen.hides(column))}
            for column, tally in total.columns.items()
        ],
        "examples": [_example(each, screen) for each in examples],
        "alerts": [_alert(each, screen) for each in reversed(store.alerts(line.id, since))],
    }


def lags(*, home: Path | str | None = None) -> list[tuple[str, str, int, int]]:
    """What waits in each part of each stream where that is known: (stream, topic or table, part, events)."""
    store = StreamStore(open_history(home, create=True))
    names = {number: name for name, number in store.names().items()}
    told = [(names[each.stream], each.source.partition(" ")[0], each.part, each.lag or 0) for each in store.parts()]
    tables = {name: table for name in names.values() if (table := _table(name)) is not None}
    waiting = Pushed(store.history).waiting() if tables else {}
    return told + [(name, table, 0, waiting.get(table, 0)) for name, table in tables.items()]


def _table(name: str) -> str | None:
    """The table whose events are pushed to the stream of this name."""
    return name.removeprefix(PUSHED) if name.startswith(PUSHED) else None


def _pushed(store: StreamStore, lines: list[StreamLine]) -> dict[str, int]:
    """Events that were pushed and wait, by table."""
    return Pushed(store.history).waiting() if any(_table(line.name) for line in lines) else {}


def _lag(
    line: StreamLine, windows: list[StreamWindow], now_us: int, pushed: Mapping[str, int]
) -> tuple[int | None, int]:
    """What waits, and when that was told: now, by the workers, or at the end of the last window."""
    table = _table(line.name)
    if table is not None:
        return pushed.get(table, 0), now_us
    if line.parts:
        return sum(each.lag or 0 for each in line.parts), max(each.reach_us or 0 for each in line.parts)
    return (windows[-1].lag, windows[-1].at_us + WINDOW_US) if windows else (None, 0)


def _told(line: StreamLine, windows: list[StreamWindow], now_us: int, pushed: Mapping[str, int]) -> dict[str, Any]:
    lag, lag_us = _lag(line, windows, now_us, pushed)
    recent = [each for each in windows if each.at_us > now_us - RATE_US - WINDOW_US]
    total = reduce(WindowTally.merge, (each.tally for each in recent), WindowTally())
    span_s = min(max((now_us - recent[0].at_us) / 1e6, 1.0), RATE_US / 1e6) if recent else 1.0
    return {
        "id": line.id,
        "name": line.name,
        "sources": list(line.sources),
        "treatment": line.settings.get("treatment"),
        "table": _table(line.name),
        "created_at": line.created_at,
        "last_at": moment_of(line.last_us).isoformat() if line.last_us is not None else None,
        "totals": {name: getattr(line.totals, name) for name in COUNTS},
        "per_second": {name: round(getattr(total, name) / span_s, 3) for name in COUNTS},
        "late_ms": round(total.late_ms / total.events, 1) if total.events else None,
        "lag": lag,
        "lag_at": None if lag is None else moment_of(min(lag_us, now_us)).isoformat(),
    }


def _window(window: StreamWindow) -> dict[str, Any]:
    tally = window.tally
    late = round(tally.late_ms / tally.events, 1) if tally.events else None
    counts = {name: getattr(tally, name) for name in COUNTS}
    at, seconds = moment_of(window.at_us).isoformat(), WINDOW_US // 1_000_000
    return {"at": at, "seconds": seconds, **counts, "late_ms": late, "lag": window.lag}


def _column(tally: dict[str, Any], is_hidden: bool) -> dict[str, Any]:
    del tally["m2"]
    return tally | (dict.fromkeys(("mean", "low", "high")) if is_hidden else {})


def _example(example: Any, veil: Veil) -> dict[str, Any]:
    masked = {"old": HIDDEN, "new": HIDDEN} if veil.hides(example.get("column")) else {}
    return {**example, **masked}


def _alert(alert: Any, veil: Veil) -> dict[str, Any]:
    return {**alert, **({"message": HIDDEN} if veil.hides(alert.get("column")) else {})}
