"""Mend a micro-batch of events by a trained treatment: every event is passed on, healed or put aside, with reasons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Protocol

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.errors import KintsuError
from kintsu.core.events import CHANGES, HEALED, QUARANTINE, TREATMENT, WHY, Event, Headers, Output
from kintsu.core.frames import DECISIONS, empty
from kintsu.monitor.stream.tally import WindowTally, tally_columns

__all__ = [
    "Codec",
    "Mended",
    "Treats",
    "examples",
    "held",
    "mend_cells",
    "mend_events",
    "numeric_fields",
    "outputs",
    "told",
]

TRIES: Final = 64  # parts of a micro-batch that are tried one by one after mending it failed
SURE: Final = 4  # digits of a confidence in a header


class Treats(Protocol):
    """What a treatment does here, see `run.treatment`."""

    @property
    def id(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...
    def mend(self, batch: Batch) -> Any:
        """Something with `applied` (a frame of decisions) and `unmendable` (a frame of `row` and `why`)."""
        ...


class Codec(Protocol):
    """How events are written."""

    def decode(self, values: Sequence[bytes], columns: Sequence[str]) -> Any: ...
    def mended(self, value: bytes, changes: Any, numeric: set[str]) -> bytes: ...


@dataclass(frozen=True)
class Mended:
    """A micro-batch after mending.

    Attributes
    ----------
    places
        Place among `events` of each row of `cells`: events without a value and those that cannot be read have none.
    cells
        As they came, as text.
    applied
        A row for each cell that changes; `row` counts the rows of `cells`.
    why
        Place -> why the event is put aside.
    is_held
        Whether all of it is put aside, whatever was mended.
    shapes, kinds
        See `Decoded`.
    """

    events: Sequence[Event]
    places: list[int]
    cells: pl.DataFrame
    applied: pl.DataFrame
    why: Mapping[int, str]
    shapes: Mapping[tuple[str, ...], int] = field(default_factory=Counter)
    kinds: Mapping[tuple[str, str], int] = field(default_factory=Counter)
    is_held: bool = False

    @cached_property
    def aside(self) -> list[int]:
        """Rows of `cells` that are put aside."""
        return [row for row, place in enumerate(self.places) if place in self.why] if self.why else []

    @cached_property
    def done(self) -> pl.DataFrame:
        """The changes that are carried out: not those of events that are put aside."""
        return self.applied.filter(~pl.col("row").is_in(self.aside)) if self.aside else self.applied

    @property
    def outcome(self) -> pl.Series:
        """Of each row of `cells`: passed, healed or quarantined."""
        words = pl.repeat("passed", self.cells.height, dtype=pl.String, eager=True).alias("outcome")
        return words.scatter(self.done["row"].unique(), "healed").scatter(self.aside, "quarantined")

    def only(self, chosen: Callable[[Event], bool]) -> Mended:
        """The part of it that some of the events are."""
        kept = [place for place, event in enumerate(self.events) if chosen(event)]
        now = {place: at for at, place in enumerate(kept)}
        rows = {row: at for at, row in enumerate(row for row, place in enumerate(self.places) if place in now)}
        return replace(
            self,
            events=[self.events[place] for place in kept],
            places=[now[self.places[row]] for row in rows],
            cells=self.cells[list(rows)],
            applied=self.applied.filter(pl.col("row").is_in(list(rows))).with_columns(
                pl.col("row").replace_strict(rows, return_dtype=pl.Int64)
            ),
            why={now[place]: reason for place, reason in self.why.items() if place in now},
        )

    def tally(self, now_ms: int) -> WindowTally:
        """What it adds to the counts of a window."""
        events, aside = len(self.events), len(self.why)
        healed = self.done["row"].n_unique()
        return WindowTally(
            events=events,
            passed=events - healed - aside,
            healed=healed,
            quarantined=0 if self.is_held else aside,
            held=aside if self.is_held else 0,
            changes=self.done.height,
            late_ms=sum(max(now_ms - event.at_ms, 0) for event in self.events if event.at_ms),
            columns=tally_columns(self.cells, self.done),
        )


def mend_events(treatment: Treats, codec: Codec, events: Sequence[Event]) -> Mended:
    """Read and mend a micro-batch. Nothing in it can make this fail: what cannot be read or mended is put aside."""
    filled = [place for place, event in enumerate(events) if event.value is not None]
    decoded = codec.decode([event.value for event in events if event.value is not None], treatment.columns)
    why = {filled[place]: reason for place, reason in decoded.bad}
    places = [filled[row] for row in decoded.rows]
    name = events[0].source if events else ""
    applied, unmendable = _mend(treatment, decoded.cells, name)
    why |= {places[row]: reason for row, reason in unmendable}
    return Mended(events, places, decoded.cells, applied, why, decoded.shapes, decoded.kinds)


def mend_cells(treatment: Treats, cells: pl.DataFrame) -> Mended:
    """The same for rows that come from no stream."""
    applied, unmendable = _mend(treatment, cells, "reference")
    return Mended((), list(range(cells.height)), cells, applied, dict(unmendable))


def _mend(treatment: Treats, cells: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Decisions that are applied, and (row, why) of what cannot be mended.

    Where the treatment fails, halves are tried until the rows are alone that make it fail.
    """
    done: list[pl.DataFrame] = []
    unmendable: list[tuple[int, str]] = []
    parts = [(0, cells.height)] if cells.height else []
    tries = 0
    while parts:
        first, height = parts.pop()
        tries += 1
        row = pl.int_range(first, first + height, dtype=pl.Int64, eager=True).alias("row")
        try:
            mended = treatment.mend(Batch(TableRef(name), cells.slice(first, height), row))
        except Exception as error:  # noqa: BLE001 - one event that breaks a healer must not stop the stream
            if height > 1 and tries < TRIES:
                half = height // 2
                parts += [(first, half), (first + half, height - half)]
            else:
                reason = f"mending failed: {type(error).__name__}"
                unmendable += [(row, reason) for row in range(first, first + height)]
            continue
        done.append(mended.applied)
        unmendable += mended.unmendable.select("row", "why").rows()
    applied = pl.concat(done) if done else empty(DECISIONS)
    return applied.filter(pl.col("edit") == "set"), unmendable


def held(mended: Mended, reason: str) -> Mended:
    """All of it put aside: the circuit breaker judges a micro-batch as a whole, never a cell."""
    return replace(mended, why=dict.fromkeys(range(len(mended.events)), reason), is_held=True)


def outputs(mended: Mended, codec: Codec, treatment_id: str, numeric: set[str]) -> tuple[list[Output], Mended]:
    """One output for each event, in order; and the micro-batch with what could not be written put aside."""
    by = (TREATMENT, treatment_id.encode())
    edits, told = _by_place(mended)
    why = dict(mended.why)
    done = []
    for place, event in enumerate(mended.events):
        value: bytes | None = event.value
        headers: Headers = (by,)
        if place in edits and value is not None:
            try:
                value, headers = codec.mended(value, edits[place], numeric), (by, (CHANGES, told[place].encode()))
            except (KintsuError, ValueError) as error:
                why[place] = f"what was mended cannot be written: {error}"
        if place in why:
            done.append(Output(event, QUARANTINE, event.value, (by, (WHY, why[place].encode()))))
        else:
            done.append(Output(event, HEALED, value, headers))
    return done, mended if len(why) == len(mended.why) else replace(mended, why=why)


def _by_place(mended: Mended) -> tuple[dict[int, list[tuple[str, str | None, str | None]]], dict[int, str]]:
    """The edits of each changed event, and what its header tells of them."""
    edits: dict[int, list[tuple[str, str | None, str | None]]] = {}
    told: dict[int, list[str]] = {}
    frame = mended.done.select("row", "column", "old", "new", said=pl.struct(_TOLD).struct.json_encode())
    for row, column, old, new, said in frame.iter_rows():
        place = mended.places[row]
        edits.setdefault(place, []).append((column, old, new))
        told.setdefault(place, []).append(said)
    return edits, {place: f"[{','.join(said)}]" for place, said in told.items()}


_TOLD: Final = ("column", "old", "new", "recipe", pl.col("confidence").round(SURE))


def examples(mended: Mended, n: int, hidden: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Some of the changes, for a page that shows what is going on; values of hidden columns are left out."""
    chosen = mended.done.head(n).select("row", *_TOLD).to_dicts()
    return [
        {"id": mended.events[mended.places[each.pop("row")]].id, **each}
        | ({"old": None, "new": None} if each["column"] in hidden else {})
        for each in chosen
    ]


def numeric_fields(kinds: Counter[tuple[str, str]]) -> set[str]:
    """Fields of which most values so far are numbers: a mended word becomes one there."""
    totals: Counter[str] = Counter()
    for (name, _), n in kinds.items():
        totals[name] += n
    return {name for name, n in totals.items() if 2 * kinds[name, "number"] > n}


def told(record: Mapping[str, Any]) -> bytes:
    """A record of metrics or alerts as it goes to its topic."""
    return json.dumps(record, ensure_ascii=False).encode()
