"""Judge a stream while it is mended: alerts that begin and end, each with its four stages."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from kintsu.core.batch import parse_numbers
from kintsu.run.stream_monitor import StreamAlert, StreamCause, StreamMonitor
from kintsu.run.watch_mend import Mended

__all__ = ["MISSING", "FieldJudge", "StreamJudge", "Trouble", "stages"]

LEARN_ROWS: Final = 5_000  # of the stream itself, where no reference is given
QUIET_ROWS: Final = 10_000  # without it an alert is over: twenty windows
NUMERIC: Final = 0.9  # share of filled cells that are numbers in a column of numbers
JUDGED_BY: Final = 100  # values of a field whose kind was looked at: fewer may be odd by chance
KIND_OF: Final = "\0kind of "  # columns that are watched beside those of the table: names that none of it has
OUTCOME: Final = "\0outcome"
ENDED: Final = {
    f"cells of `{OUTCOME}` are 'quarantined'": "events were put aside",
    f"cells of `{OUTCOME}` are 'healed'": "events were mended",
    f"cells of `{OUTCOME}` are 'passed'": "events passed unchanged",
    f"cells of `{OUTCOME}` hold a value that was not there before": "events came out as none did before",
}
MISSING: Final = "missing_field"
MOST_FIELDS: Final = 1_000  # that are known by name, so that names made up for each event fill neither memory nor store
MOST_NEW: Final = 20  # fields that one micro-batch tells: the store is asked for each


@dataclass(frozen=True)
class Trouble:
    """Something that begins or ends: one alert."""

    kind: str  # null_flood, null_drought, type_break, outcome, new_values, distribution, or what `FieldJudge` tells
    column: str | None
    message: str
    expected: float | None = None
    found: float | None = None
    is_over: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        """What it is about: it is told once while it lasts."""
        return self.kind, self.column

    @property
    def is_passing(self) -> bool:
        """Whether it has no end that could be told."""
        return self.kind in ("new_field", "type_change")


@dataclass
class StreamJudge:
    """Holds the windows of a stream against what is normal: `reference`, else the stream's own first rows."""

    reference: pl.DataFrame | None = None
    _monitor: StreamMonitor | None = None
    _numeric: tuple[str, ...] = ()
    _learning: list[pl.DataFrame] = field(default_factory=list)
    _open: dict[tuple[str, str | None], tuple[int, Trouble]] = field(default_factory=dict)

    def learn(self, cells: pl.DataFrame, outcome: pl.Series) -> None:
        """Take these rows as normal."""
        self._numeric = tuple(c.name for c in cells if _is_numeric(c))
        self._monitor = StreamMonitor(self._watched(cells, outcome))

    def feed(self, mended: Mended) -> list[Trouble]:
        """What begins or ends with these rows, in windows of 500 rows however they are cut."""
        if self._monitor is None:
            self._learning.append(mended.cells.with_columns(mended.outcome.alias(OUTCOME)))
            if sum(map(len, self._learning)) >= LEARN_ROWS:
                right = pl.concat(self._learning)
                self._learning = []
                self.learn(right.drop(OUTCOME), right[OUTCOME])
            return []
        alerts = self._monitor.add(self._watched(mended.cells, mended.outcome))
        return self._changes(alerts, self._monitor.n_rows)

    def _watched(self, cells: pl.DataFrame, outcome: pl.Series) -> pl.DataFrame:
        """The cells, and beside them what a type break shows in, and what became of each row."""
        numbers = [parse_numbers(cells[name]) for name in self._numeric]
        kinds = [
            pl.select(
                pl.when(cells[n.name].is_not_null() & (cells[n.name] != ""))
                .then(pl.when(n.is_null()).then(pl.lit("text")).otherwise(pl.lit("number")))
                .alias(f"{KIND_OF}{n.name}")
            ).to_series()
            for n in numbers
        ]
        return cells.with_columns(*numbers, *kinds, outcome.alias(OUTCOME))

    def _changes(self, alerts: Sequence[StreamAlert], n_rows: int) -> list[Trouble]:
        told = []
        for alert in alerts:
            for trouble in _troubles(alert):
                if trouble.key not in self._open:
                    told.append(trouble)
                self._open[trouble.key] = (alert.rows[1], trouble)
        for key, (last, trouble) in list(self._open.items()):
            if n_rows - last >= QUIET_ROWS:
                del self._open[key]
                told.append(Trouble(trouble.kind, trouble.column, f"over: {trouble.message}", is_over=True))
        return told

    def resume(self, open_now: Iterable[Trouble]) -> None:
        """Go on with what was told before, by whomever: it is over when these rows too are quiet."""
        for trouble in open_now:
            self._open.setdefault(trouble.key, (0 if self._monitor is None else self._monitor.n_rows, trouble))

    @property
    def is_alarmed(self) -> bool:
        """Whether an alert is open."""
        return bool(self._open)


def _is_numeric(cells: pl.Series) -> bool:
    filled = cells.drop_nulls()
    filled = filled.filter(filled != "")
    return len(filled) > 0 and parse_numbers(filled).is_not_null().sum() >= NUMERIC * len(filled)


def _troubles(alert: StreamAlert) -> list[Trouble]:
    """The causes of an alert by kind; a type break is told once, not as cells without a number too."""
    found = {_kind(cause): cause for cause in reversed(alert.causes)}
    return [
        Trouble(kind, column, _said(cause), cause.expected, cause.found)
        for (kind, column), cause in reversed(found.items())
        if kind == "type_break" or ("type_break", column) not in found
    ]


def _said(cause: StreamCause) -> str:
    """The cause in words about events and their fields."""
    for found, words in ENDED.items():
        if found in cause.message:
            return cause.message.replace(found, words)
    return cause.message.replace(f"`{KIND_OF}", "`").replace(f"`{OUTCOME}`", "the outcome")


def _kind(cause: StreamCause) -> tuple[str, str | None]:
    name = cause.column
    if name is not None and name.startswith(KIND_OF):
        return "null_flood" if cause.statistic == "null" else "type_break", name.removeprefix(KIND_OF)
    if name == OUTCOME:
        return "outcome", None
    if cause.statistic == "null":
        return "null_flood" if cause.found > cause.expected else "null_drought", name
    if cause.statistic == "new":  # fewer of them than usual are none that came
        return "new_values" if cause.found > cause.expected else "distribution", name
    return cause.statistic, name


@dataclass
class FieldJudge:
    """Tells fields that come, go, or mostly hold another kind of value than before; they pass untouched all the same.

    What the first micro-batch holds is known, but for columns of the treatment that it lacks. Of more than a thousand
    names the rest stay unknown, and nothing is told of them.
    """

    columns: Sequence[str]
    _known: set[str] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    _kinds: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, Counter[str]] = field(default_factory=dict)

    def resume(self, open_now: Iterable[Trouble]) -> None:
        """Go on with the fields that were told to be missing."""
        self._missing |= {trouble.column for trouble in open_now if trouble.column is not None}

    def feed(self, mended: Mended) -> list[Trouble]:
        """What is new in these events."""
        found = {name for shape in mended.shapes for name in shape}
        if not found:
            return []
        is_first = not self._known
        room = max(MOST_FIELDS - len(self._known), 0)
        fresh = sorted(found - self._known)[: room if is_first else min(room, MOST_NEW)]
        self._known |= {*fresh, *(found & set(self.columns))}
        told = [Trouble("new_field", name, f"field `{name}` is new: it passes untouched") for name in fresh]
        new = [] if is_first else told
        return new + self._missing_fields(found, sum(mended.shapes.values())) + self._other_kinds(mended.kinds)

    def _missing_fields(self, found: set[str], total: int) -> list[Trouble]:
        missing = set(self.columns) - found
        gone, back = sorted(missing - self._missing), sorted(self._missing - missing)
        self._missing = missing
        what = "is in none of {:,} events"
        told = [Trouble(MISSING, name, f"field `{name}` {what.format(total)}", 1.0, 0.0) for name in gone]
        return told + [Trouble(MISSING, name, f"field `{name}` is back", is_over=True) for name in back]

    def _other_kinds(self, kinds: Mapping[tuple[str, str], int]) -> list[Trouble]:
        for (name, kind), n in kinds.items():
            if name in self._known:
                self._counts.setdefault(name, Counter())[kind] += n
        full = [name for name, counts in self._counts.items() if counts.total() >= JUDGED_BY]
        usual = {name: self._counts.pop(name).most_common(1)[0][0] for name in full}
        told = []
        for name, kind in sorted(usual.items()):
            before = self._kinds.setdefault(name, kind)
            if kind != before:
                self._kinds[name] = kind
                told.append(Trouble("type_change", name, f"field `{name}` holds {kind} values, before {before} values"))
        return told


def stages(stream: str, trouble: Trouble, mended: Mended, action: str, at: str) -> list[dict[str, Any]]:
    """The records of an alert: what was found, what is done about it, how much was done, what is left."""
    first = mended.events[0].id
    content = [stream, trouble.kind, trouble.column, trouble.is_over, first]
    alert = hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
    common = {"alert": alert, "stream": stream, "at": at, "kind": trouble.kind, "column": trouble.column}
    span = {"first": first, "last": mended.events[-1].id, "events": len(mended.events)}
    detect = {"message": trouble.message, "expected": trouble.expected, "found": trouble.found, "over": trouble.is_over}
    bodies: list[tuple[str, dict[str, Any]]] = [("detect", {**detect, **span})]
    if not trouble.is_over:
        aside, healed = len(mended.why), mended.done["row"].n_unique()
        bodies += [
            ("decide", {"action": action, "message": ACTIONS[action]}),
            ("remediate", {"healed": healed, "held" if mended.is_held else "quarantined": aside, **span}),
            ("validate", _left(trouble, mended)),
        ]
    return [{"id": f"{alert}-{stage}", "stage": stage, **common, **body} for stage, body in bodies]


ACTIONS: Final = {
    "mend": "what is sure is mended, what cannot be mended is put aside, the rest passes",
    "hold": "the whole micro-batch is put aside as it came",
}


def _left(trouble: Trouble, mended: Mended) -> dict[str, Any]:
    """The share of cells of the column that are wrong in the same way after mending, of the events that went on."""
    if mended.is_held:
        return {"message": "nothing went on", "left": 0.0}
    name = trouble.column
    if name not in mended.cells.columns or trouble.kind not in ("null_flood", "type_break"):
        return {"message": "see the next windows", "left": None}
    changed = mended.done.filter(pl.col("column") == name)
    cells = mended.cells[name].scatter(changed["row"], changed["new"])
    cells = cells.filter(~pl.int_range(len(cells), eager=True).is_in(mended.aside))
    missing = cells.is_null() | (cells == "")
    wrong = missing if trouble.kind == "null_flood" else parse_numbers(cells).is_null() & ~missing
    left = wrong.fill_null(True).sum() / max(len(cells), 1)
    return {"message": f"{100 * left:.1f} % of cells of `{name}` are so after mending", "left": left}
