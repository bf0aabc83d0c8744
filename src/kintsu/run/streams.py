"""How the streams of a store are doing: what came through, how fast, what was told."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any, Final

from kintsu.core.errors import UnknownName
from kintsu.diagnose.masking import HIDDEN, Veil
from kintsu.io.store.records import moment_of
from kintsu.io.store.streams import StreamLine, StreamStore, StreamWindow
from kintsu.monitor.stream.tally import WindowTally
from kintsu.run.watch_flow import WINDOW_US
from kintsu.run.watching import open_history

__all__ = ["stream", "streams"]

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
    told = [_told(line, store.windows(line.id, now - RATE_US - WINDOW_US), now) for line in lines[:limit]]
    return told, str(lines[limit - 1].id) if len(lines) > limit else None


def stream(
    id: int,
    *,
    home: Path | str | None = None,
    minutes: float = 60,
    veil: Veil | None = None,
    now_us: int | None = None,
) -> dict[str, Any]:
    """A stream: its topics, rates a second over the last minute, windows, columns, latest examples and alerts.

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
    return _told(line, windows, now) | {
        "windows": [_window(each) for each in windows],
        "columns": [
            {"column": column, **_column(asdict(tally), screen.hides(column))}
            for column, tally in total.columns.items()
        ],
        "examples": [_example(each, screen) for each in examples],
        "alerts": [_alert(each, screen) for each in reversed(store.alerts(line.id, since))],
    }


def _told(line: StreamLine, windows: list[StreamWindow], now_us: int) -> dict[str, Any]:
    recent = [each for each in windows if each.at_us > now_us - RATE_US - WINDOW_US]
    total = reduce(WindowTally.merge, (each.tally for each in recent), WindowTally())
    span_s = min(max((now_us - recent[0].at_us) / 1e6, 1.0), RATE_US / 1e6) if recent else 1.0
    return {
        "id": line.id,
        "name": line.name,
        "sources": list(line.sources),
        "treatment": line.settings.get("treatment"),
        "table": line.name.removeprefix(PUSHED) if line.name.startswith(PUSHED) else None,
        "created_at": line.created_at,
        "last_at": moment_of(line.last_us).isoformat() if line.last_us is not None else None,
        "totals": {name: getattr(line.totals, name) for name in COUNTS},
        "per_second": {name: round(getattr(total, name) / span_s, 3) for name in COUNTS},
        "late_ms": round(total.late_ms / total.events, 1) if total.events else None,
    }


def _window(window: StreamWindow) -> dict[str, Any]:
    tally = window.tally
    late = round(tally.late_ms / tally.events, 1) if tally.events else None
    counts = {name: getattr(tally, name) for name in COUNTS}
    return {"at": moment_of(window.at_us).isoformat(), "seconds": WINDOW_US // 1_000_000, **counts, "late_ms": late}


def _column(tally: dict[str, Any], is_hidden: bool) -> dict[str, Any]:
    del tally["m2"]
    return tally | (dict.fromkeys(("mean", "low", "high")) if is_hidden else {})


def _example(example: Any, veil: Veil) -> dict[str, Any]:
    masked = {"old": HIDDEN, "new": HIDDEN} if veil.hides(example.get("column")) else {}
    return {**example, **masked}


def _alert(alert: Any, veil: Veil) -> dict[str, Any]:
    return {**alert, **({"message": HIDDEN} if veil.hides(alert.get("column")) else {})}
