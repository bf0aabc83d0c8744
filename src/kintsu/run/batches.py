"""The batches of a watched table: files that match a pattern, or the periods of one table."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, UsageError
from kintsu.core.settings import duration
from kintsu.run.typed import text_frame, typed, typed_frame

__all__ = ["Arrival", "MonitorSettings", "arrival_of", "arrivals", "period", "start_of"]

_DATE: Final = re.compile(
    r"(?<!\d)((?:19|20)\d{2})([-_.]?)(\d{2})\2(\d{2})(?:[T_\-. ]?(\d{2})(?:[:\-]?(\d{2}))?)?(?!\d)"
)


@dataclass(frozen=True)
class MonitorSettings:
    """What is watched, and how.

    Attributes
    ----------
    source
        A file pattern such as "orders/*.csv" (every file is a batch), a folder, or one table with `date`.
    date
        Column of one table by whose periods it is cut into batches.
    every
        Length of a period: "1h", "1d", "1w", or a number of them.
    window
        Batches that are learnt from, at least 2.
    sensitivity
        Above 1 smaller deviations alarm, below 1 only larger ones; `kintsu monitor backtest` recommends it.
    sensitive
        Columns of which values of text are kept as hashes only, and never shown.
    judges
        Learnt judges (the extra `deep`) beside the others, each with the score above which it alarms; `kintsu monitor
        backtest --deep --apply` chooses those that win on this table.
    """

    source: str
    date: str | None = None
    every: str = "1d"
    window: int = 60
    sensitivity: float = 1.0
    read: dict[str, Any] | None = None
    sensitive: Sequence[str] = ()
    judges: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        period(self.every)
        if self.window < 2:
            raise UsageError(f"window is the number of batches to learn from, at least 2, not {self.window}")
        if not self.sensitivity > 0:
            raise UsageError(f"sensitivity is a number above 0, not {self.sensitivity}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values, without what is the default."""
        plain = MonitorSettings(self.source)
        return {name: value for name, value in vars(self).items() if name == "source" or value != getattr(plain, name)}

    @property
    def options(self) -> ReadOptions | None:
        return ReadOptions(**self.read) if self.read else None


@dataclass(frozen=True)
class Arrival:
    """A batch that can be read. `content` changes when what it holds does; `due` is the end of its period."""

    name: str
    at: datetime
    due: datetime | None
    arrived: datetime | None
    content: str
    load: Callable[[], pl.DataFrame]
    raw: Callable[[], pl.DataFrame | None] | None = None  # its cells as they stand in the file, where that is text


def period(every: str) -> timedelta:
    """The length of a period written as "1d".

    >>> period("6h")
    datetime.timedelta(seconds=21600)
    """
    try:
        length = duration(every)
    except UsageError as error:
        raise UsageError(f"a period is written like 1h, 1d or 1w, not {every!r}") from error
    if not length:
        raise UsageError(f"a period is longer than nothing: write it like 1h, 1d or 1w, not {every!r}")
    return length


def arrivals(settings: MonitorSettings, *, now: datetime) -> list[Arrival]:
    """What there is to judge, oldest first. A period that is not over at `now` is left for later.

    Raises
    ------
    InputError
        Nothing matches, or the table lacks the column.
    """
    return _periods(settings, now) if settings.date is not None else _files(settings)


def _files(settings: MonitorSettings) -> list[Arrival]:
    pattern, root = _places(settings)
    paths = [Path(name) for name in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207 - it takes absolute patterns
    paths = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    if not paths:
        raise InputError(f"no file matches {settings.source!r}: name a pattern such as orders/*.csv, in quotes")
    found = [_arrival(settings, path, str(path.relative_to(root)), settings.options) for path in paths]
    return sorted(found, key=lambda arrival: (arrival.at, arrival.name))


def _places(settings: MonitorSettings) -> tuple[Path, Path]:
    """The pattern of the files, and the folder that their names begin at."""
    pattern = Path(settings.source).expanduser()
    if pattern.is_dir():
        pattern = pattern / "*"
    root = Path(re.split(r"[*?\[]", str(pattern))[0])
    return pattern, root if root.is_dir() else root.parent


def arrival_of(settings: MonitorSettings, path: Path, read: ReadOptions | None = None) -> Arrival:
    """A file as a batch; it need not lie where the others do. Its name is the one that it has, or would have, there."""
    try:
        name = str(path.resolve().relative_to(_places(settings)[1].resolve()))
    except ValueError:
        name = path.name
    return _arrival(settings, path, name, read or settings.options)


def _arrival(settings: MonitorSettings, path: Path, name: str, read: ReadOptions | None) -> Arrival:
    state = path.stat()
    arrived = datetime.fromtimestamp(state.st_mtime, UTC)
    start = start_of(path.name)
    due = None if start is None else start + period(settings.every)
    at = due - timedelta(microseconds=1) if due is not None else arrived
    readers = _reader(typed_frame, str(path), read), _reader(text_frame, str(path), read)
    return Arrival(name, at, due, arrived, f"{state.st_size}-{state.st_mtime_ns}", *readers)


def _reader(read: Callable[..., Any], path: str, options: ReadOptions | None) -> Callable[[], Any]:
    return lambda: read(path, options)


def _held(frame: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    return lambda: frame


def start_of(name: str) -> datetime | None:
    """The start of the period that a file's name tells, such as orders-2026-11-20.csv or log_20261120T06.json."""
    for found in _DATE.finditer(name):
        year, _, month, day, hour, minute = found.groups()
        try:
            return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
        except ValueError:
            continue  # a number that looks like a date
    return None


def _periods(settings: MonitorSettings, now: datetime) -> list[Arrival]:
    frame = typed_frame(settings.source, settings.options)
    name, length = settings.date, period(settings.every)
    if name not in frame.columns:
        raise InputError(f"{settings.source} has no column {name!r}; it has {', '.join(map(repr, frame.columns[:10]))}")
    if frame.schema[name] == pl.String:  # databases without a type for dates keep them as text
        frame = frame.with_columns(typed(frame[name]))
    if not isinstance(frame.schema[name], pl.Datetime | pl.Date):
        raise InputError(f"{settings.source}: column {name!r} holds no dates (it is {frame.schema[name]})")
    stamps = frame[name].cast(pl.Datetime("us"))
    zone = frame.schema[name].time_zone if isinstance(frame.schema[name], pl.Datetime) else None  # type: ignore[attr-defined]
    stamps = stamps.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else stamps
    every = f"{round(length.total_seconds())}s" if length % timedelta(days=1) else f"{length.days}d"
    parts = frame.with_columns(stamps.dt.truncate(every).alias("__kintsu_period")).partition_by(
        "__kintsu_period", as_dict=True, include_key=False
    )
    found = []
    for (start,), part in parts.items():
        if start is None:
            continue  # rows without a date belong to no period
        due = start.replace(tzinfo=UTC) + length
        if due <= now:
            content = f"{int(part.hash_rows(seed=0).to_numpy().sum(dtype='uint64')):016x}"
            found.append(Arrival(start.isoformat(), due - timedelta(microseconds=1), due, None, content, _held(part)))
    return sorted(found, key=lambda arrival: arrival.at)
