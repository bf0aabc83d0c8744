"""Labelled examples to learn from: a table cut into batches, some of them damaged, each as a vector of features."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from kintsu.core.errors import InputError
from kintsu.monitor.baseline import Baseline, learn
from kintsu.monitor.classify.features import NAMES, features
from kintsu.monitor.classify.kinds import FAULTS, Delivery, damage
from kintsu.monitor.issue import name_issue, suspects
from kintsu.monitor.measure import BatchMetrics, measure
from kintsu.monitor.schema import fact_of, schema_changes

__all__ = ["CLEAN", "Case", "Cases", "case", "cases_of", "cases_of_batches", "concat", "cut", "gathered"]

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

CLEAN: Final = "clean"
MIN_ROWS: Final = 40
HISTORY: Final = (8, 41)
SIZES: Final = (40, 2000)
SPARE: Final = 6  # batches after the history, of which the judged ones are taken
TEXT: Final = "U60"  # of names and kinds
PARTS: Final = ("x", "kind", "issue", "fact", "rule", "alarm", "table", "cut")
PAST: Final = 5000  # rows of the past that faults draw from
RECENT: Final = 10  # batches of which they are the last


@dataclass(frozen=True, eq=False)
class Cases:
    """Examples, one a row.

    Attributes
    ----------
    x
        Features, shape (cases, features); zeros where the schema decides.
    kind
        The fault, or "clean".
    fact
        What the schema says of it ("schema", "type_mismatch"), else "".
    rule, alarm
        What the rules name, and whether the batch alarms.
    table, cut
        The table that it comes from, and which of its cuts.
    """

    x: npt.NDArray[np.float32]
    kind: npt.NDArray[np.str_]
    issue: npt.NDArray[np.str_]
    fact: npt.NDArray[np.str_]
    rule: npt.NDArray[np.str_]
    alarm: npt.NDArray[np.bool_]
    table: npt.NDArray[np.str_]
    cut: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Cases:
        return Cases(*(part[rows] for part in self._parts()))

    def save(self, path: Path) -> None:
        """Write all of it into an .npz."""
        held: dict[str, Any] = dict(zip(PARTS, self._parts(), strict=True))
        np.savez_compressed(path, **held, names=np.array(NAMES))

    @classmethod
    def load(cls, path: Path) -> Cases:
        """Read what `save` wrote with the same features."""
        with np.load(path, allow_pickle=False) as held:
            if held["names"].tolist() != list(NAMES):
                raise InputError(f"{path} holds other features than this version reads: make the cases anew")
            return cls(*(held[part] for part in PARTS))

    def _parts(self) -> list[npt.NDArray[Any]]:
        return [getattr(self, part) for part in PARTS]


def concat(parts: Iterable[Cases]) -> Cases:
    """All examples in one."""
    held = zip(*(part._parts() for part in parts), strict=True)
    return Cases(*(np.concatenate(column) for column in held))


@dataclass(frozen=True)
class Case:
    """One example: see `Cases`."""

    x: Floats
    kind: str
    issue: str
    fact: str
    rule: str
    alarm: bool


def case(baseline: Baseline, batch: BatchMetrics, kind: str, issue: str) -> Case:
    """What is known of a batch, with the issue that it should be named."""
    baseline = baseline.on(batch.day)
    changes = schema_changes(baseline.known, batch)
    if changes:
        fact = fact_of(changes)
        return Case(np.zeros(len(NAMES)), kind, issue, fact, fact, True)
    found = baseline.surprises(batch)
    columns = suspects(baseline, batch, found)
    alarm = bool(found) and found[0].strength > 1
    rule = name_issue(baseline, batch, found, columns) if alarm else "none"
    return Case(features(baseline, batch, found, columns), kind, issue, "", rule, alarm)


def gathered(cases: Sequence[Case], table: str, cut: str) -> Cases:
    """Examples of one cut of one table."""

    def texts(part: str) -> npt.NDArray[np.str_]:
        return np.array([getattr(c, part) for c in cases], dtype=TEXT)

    return Cases(
        x=np.array([c.x for c in cases], dtype=np.float32).reshape(len(cases), len(NAMES)),
        kind=texts("kind"),
        issue=texts("issue"),
        fact=texts("fact"),
        rule=texts("rule"),
        alarm=np.array([c.alarm for c in cases], dtype=bool),
        table=np.full(len(cases), table, dtype=TEXT),
        cut=np.full(len(cases), cut, dtype=TEXT),
    )


def cases_of(name: str, frame: pl.DataFrame, seed: int, *, rounds: int) -> Cases | None:
    """Examples from one table, cut `rounds` times in different ways; None where it has too few rows.

    Each round gives one damaged batch of every kind of fault that fits the table, and up to six clean ones.
    """
    parts = []
    for round_ in range(rounds):
        rng = np.random.default_rng([seed, round_])
        got = cut(frame, rng)
        if got is None:
            return None
        history, spare = got
        baseline = learn([_measured(batch) for batch in history])
        past = pl.concat([batch.frame for batch in history]).tail(PAST)
        cases = [case(baseline, _measured(batch), CLEAN, "none") for batch in spare]
        for kind, fault in FAULTS.items():
            damaged = damage(kind, rng, spare[int(rng.integers(len(spare)))], past)
            if damaged is not None:
                cases.append(case(baseline, _measured(damaged.delivery), kind, fault.issue))
        parts.append(gathered(cases, name, f"{name} cut {round_}"))
    return concat(parts)


def cases_of_batches(
    name: str, batches: Sequence[Delivery], seed: int, *, window: int, steps: Iterable[int]
) -> Cases | None:
    """Examples from the batches of a table as they came, oldest first; None without any.

    Each of the `steps` (places in `batches`, at least 1) gives its batch as it is and damaged by every kind of fault
    that fits it, held against the `window` batches before it. Its place is the name of its cut.
    """
    metrics = [_measured(batch) for batch in batches]
    parts = []
    for step in steps:
        baseline = learn(metrics[max(0, step - window) : step])
        schema = batches[step].frame.schema
        before = [batch.frame for batch in batches[max(0, step - RECENT) : step] if batch.frame.schema == schema]
        past = (pl.concat(before) if before else batches[step].frame.clear()).tail(PAST)
        cases = [case(baseline, metrics[step], CLEAN, "none")]
        for kind in sorted(FAULTS):
            rng = np.random.default_rng([seed, step, zlib.crc32(kind.encode())])
            damaged = damage(kind, rng, batches[step], past)
            if damaged is not None:
                cases.append(case(baseline, _measured(damaged.delivery), kind, FAULTS[kind].issue))
        parts.append(gathered(cases, name, str(step)))
    return concat(parts) if parts else None


def _measured(batch: Delivery) -> BatchMetrics:
    return measure(batch.frame, due=batch.due, arrived=batch.arrived)


# ------------------------------------------------------------------------------------------------ cutting
def cut(frame: pl.DataFrame, rng: Rng) -> tuple[list[Delivery], list[Delivery]] | None:
    """A history and the batches after it, from a table in an order and in sizes drawn at random.

    Rows come in any order, or drift or swing along a column, so that what is natural is not always the same. A table
    that moves is judged on the next batch only: later ones have moved on.
    """
    n_history = int(rng.integers(*HISTORY))
    while n_history > HISTORY[0] and frame.height < (n_history + SPARE) * MIN_ROWS:
        n_history -= 1
    most = min(SIZES[1], frame.height // (n_history + SPARE))
    if most < MIN_ROWS:
        return None
    n_rows = round(float(np.exp(rng.uniform(np.log(MIN_ROWS), np.log(most)))))
    sizes, every, is_weekly = _sizes(rng, n_rows, n_history + SPARE, most)
    way = str(rng.choice(["any", "any", "any", "drift", "swing"]))
    chosen = np.sort(rng.permutation(frame.height)[: int(sizes.sum())]).astype(np.uint32)
    ordered = _ordered(frame[chosen], rng, way, n_history)
    start = datetime(2021, 1, 1) + timedelta(days=int(rng.integers(0, 1500)))
    is_timed = rng.random() < 0.9
    lag, noise = _lag_minutes(rng), float(rng.uniform(0.05, 0.5))
    extras = _extras(rng)
    batches = []
    edges = np.concatenate([[0], np.cumsum(sizes)])
    for i, (low, high) in enumerate(pairwise(edges.tolist())):
        begin = start + i * every
        part = _extended(ordered[low:high], rng, extras, begin, every, low)
        due = begin + every
        arrived = due + timedelta(minutes=lag * float(rng.lognormal(0, noise)))
        batches.append(Delivery(part, due, arrived) if is_timed else Delivery(part))
    stands = way == "any" and not MOVING & set(extras) and not is_weekly
    n_spare = SPARE if stands else 1
    return batches[:n_history], batches[n_history : n_history + n_spare]


def _lag_minutes(rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(10), np.log(180))))


def _sizes(rng: Rng, usual: int, n: int, most: int) -> tuple[npt.NDArray[np.int64], timedelta, bool]:
    """Rows of each batch, the period of a batch (days or hours), and whether weekends are weaker."""
    every = timedelta(days=1) if rng.random() < 0.8 else timedelta(hours=int(rng.choice([1, 6])))
    noise = float(rng.choice([0.0, 0.03, 0.1, 0.2]))
    size = usual * rng.lognormal(0, noise, n)
    is_weekly = every == timedelta(days=1) and n > 21 and rng.random() < 0.3
    if is_weekly:
        weekend = (np.arange(n) + int(rng.integers(7))) % 7 > 4
        size = np.where(weekend, size * rng.uniform(0.5, 0.9), size)
    size = np.maximum(size * min(1.0, most * n / size.sum()), MIN_ROWS / 2)
    return np.floor(size).astype(np.int64), every, is_weekly


def _ordered(frame: pl.DataFrame, rng: Rng, way: str, n_history: int) -> pl.DataFrame:
    n = frame.height
    numeric = [s.name for s in frame.select(cs.numeric()) if s.n_unique() > 4]
    key = rng.random(n)
    if way != "any" and numeric:
        rank = frame[str(rng.choice(numeric))].rank("random", seed=int(rng.integers(2**31))).fill_null(0).to_numpy() / n
        weight = rng.uniform(0.05, 0.5)
        if way == "drift":
            key = weight * rank + (1 - weight) * key
        else:  # the column's mean swings with a period of 5 batches to the whole history
            turns = max(n_history / float(rng.uniform(5, 40)), 1.0)
            wave = 0.5 + 0.5 * np.sin(2 * np.pi * turns * np.linspace(0, 1, n)) + rng.normal(0, 0.25 / weight, n)
            order = np.empty(n, dtype=np.int64)
            order[np.argsort(wave)] = np.argsort(rank)
            return frame[order.astype(np.uint32)]
    return frame[np.argsort(key).astype(np.uint32)]


MOVING: Final = frozenset({"key", "slow"})  # not the same from batch to batch
EXTRAS: Final = ("key", "code", "moment", "day", "month", "word", "mail", "flag", "slow")


def _extras(rng: Rng) -> tuple[str, ...]:
    """Columns that tables of batches have and public samples have not: keys, moments, the date, ..."""
    return tuple(e for e in EXTRAS if rng.random() < 0.25)


SYLLABLES: Final = np.array(
    ["ba", "ko", "li", "mu", "ne", "ra", "si", "to", "ve", "an", "er", "in", "ost", "ul", "wen", "dor", "mar", "fel"]
)


def _extended(
    frame: pl.DataFrame, rng: Rng, extras: tuple[str, ...], begin: datetime, every: timedelta, first: int
) -> pl.DataFrame:
    n = frame.height
    made: list[pl.Series] = []
    seconds = np.sort(rng.random(n)) * every.total_seconds()
    name = pl.Series(SYLLABLES[rng.integers(0, 18, n)]) + pl.Series(SYLLABLES[rng.integers(0, 18, n)])
    for extra in extras:
        if extra == "key":
            made.append(pl.Series("row_key", np.arange(first, first + n) + 100_000))
        elif extra == "code":
            number = pl.Series(rng.integers(0, 10**6, n)).cast(pl.String).str.zfill(6)
            made.append((pl.Series(["K-"] * n, dtype=pl.String) + number).alias("row_code"))
        elif extra == "moment":
            moments = pl.Series([begin] * n, dtype=pl.Datetime("us")) + pl.Series(seconds * 1e6).cast(pl.Duration("us"))
            made.append(moments.alias("made_at"))
        elif extra == "day":
            made.append(pl.Series("on_day", [begin.date()] * n, dtype=pl.Date))
        elif extra == "month":
            made.append(pl.Series("in_month", np.full(n, begin.month)))
        elif extra == "word":
            made.append(pl.Series("place", np.array(["north", "south", "Mid-West", "the isles"])[
                rng.choice(4, n, p=[0.45, 0.3, 0.2, 0.05])]))  # fmt: skip
        elif extra == "mail":
            host = pl.Series(np.array(["@example.com", "@example.org", "@mail.example.net"])[rng.integers(0, 3, n)])
            made.append((name + host).alias("contact"))
        elif extra == "flag":
            made.append(pl.Series("is_open", rng.random(n) < 0.3))
        elif extra == "slow":  # warms up and cools down
            wave = 10 * np.sin(begin.timetuple().tm_yday / 58) + 3 * rng.normal() + rng.normal(size=n)
            made.append(pl.Series("level", np.round(wave, 1)))
    return frame.with_columns(*(s for s in made if s.name not in frame.columns))
