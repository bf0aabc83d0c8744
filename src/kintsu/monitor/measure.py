"""What a monitor measures of one batch: a few numbers and a small sketch per column, in one pass."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from kintsu.core.hashing import drawn_rows, text_hash

__all__ = [
    "NUMBER",
    "QUANTILES",
    "RANKS",
    "TEXT",
    "TIME",
    "BatchMetrics",
    "ColumnMetrics",
    "measure",
    "quantiles_of",
    "salted",
]

Floats = npt.NDArray[np.float64]

NUMBER: Final = "number"
TEXT: Final = "text"
TIME: Final = "time"

QUANTILES: Final = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
RANKS: Final = np.linspace(0, 1, 33)  # ranks of the quantiles that are kept of a column of numbers
KEPT_VALUES: Final = 400  # distinct values of a column of text that are kept; patterns are read off these
CLOSED: Final = 2_000  # a column of more distinct values is a key or free text: which values it holds says nothing
FEW: Final = 50  # distinct numbers up to which each is counted
SAMPLE: Final = 300  # rows of numbers that are kept of a batch, to see how its columns hang together
WIDE: Final = 40  # columns of numbers of which rows are kept
HASHED: Final = re.compile(r"#[0-9a-f]{16}")
SALTED: Final = re.compile(r"~[0-9a-f]{16}")
HUGE: Final = 1e150  # numbers beyond are told as this one: their squares have to be finite


@dataclass(frozen=True)
class ColumnMetrics:
    """What one column of one batch holds.

    Attributes
    ----------
    kind
        "number", "time" (hours since the batch was due) or "text" (also booleans and everything else).
    shares
        Statistics that are a number of cells out of `filled`: "distinct", "top" (cells of the most frequent value) and
        for text "foreign" (not ASCII), "upper", "blank" (blanks at an end).
    levels
        Other statistics, with the sampling variance of each (0 where it has none): "mean", quantiles, "low", "high",
        "spread" (standard deviation; the variance is that of its logarithm); for text "length", "length_spread",
        "shortest", "longest" in characters.
    quantiles
        At `RANKS`, shape (33,), of numbers and times; None where no cell is filled.
    values
        Cells per value, of at most `KEPT_VALUES` values; empty for keys and free text.
    patterns
        Cells per pattern: runs of letters become "A" or "a", of digits "9".
    """

    name: str
    dtype: str
    kind: str
    rows: int
    nulls: int  # null, NaN, infinite or blank
    distinct: int = 0
    shares: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    quantiles: Floats | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    patterns: Mapping[str, int] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        return self.rows - self.nulls


@dataclass(frozen=True, eq=False)
class BatchMetrics:
    """What one batch of a table is judged by.

    `sample` holds some rows of the columns of numbers named in `numbers`, shape (rows, columns), NaN where empty.
    `content` is a hash of the rows in any order; 0 of none.
    """

    rows: int
    duplicates: int  # rows that repeat another one
    due: datetime | None
    arrived: datetime | None
    columns: Mapping[str, ColumnMetrics]
    numbers: tuple[str, ...]
    sample: Floats
    content: int = 0

    @property
    def day(self) -> datetime | None:
        """A moment of the last day that the batch covers: a batch that is due at midnight belongs to the day before."""
        return None if self.due is None else self.due - timedelta(microseconds=1)

    def rows_of(self, names: list[str]) -> Floats:
        """The sampled rows with the named columns, NaN where the batch lacks one."""
        at = {name: i for i, name in enumerate(self.numbers)}
        empty = np.full(len(self.sample), np.nan)
        if not names:
            return np.empty((len(self.sample), 0))
        return np.column_stack([self.sample[:, at[name]] if name in at else empty for name in names])


def measure(
    frame: pl.DataFrame,
    *,
    due: datetime | None = None,
    arrived: datetime | None = None,
    sensitive: Collection[str] = (),
    salt: bytes = b"",
) -> BatchMetrics:
    """Measure a batch, whatever the order of its rows.

    Parameters
    ----------
    due
        End of the period that the batch covers. Times in it are told relative to `due`, so that a column of dates
        stands still from batch to batch.
    arrived
        When it was delivered.
    sensitive
        Columns of which values of text are held as hashes only. Of numbers the quantiles are held all the same.
    salt
        A secret: without it whoever has a list of likely values can hash them and look which are there.
    """
    numeric = frame.select(cs.numeric().cast(pl.Float64, strict=False))
    numbers = {series.name: series.to_numpy() for series in numeric}  # empty cells are NaN
    columns = {name: _numbers(frame[name], NUMBER, x) for name, x in numbers.items()}
    text: list[pl.Series] = []
    for series in frame:
        if series.dtype.is_temporal():
            columns[series.name] = _numbers(series, TIME, _hours(series, due).to_numpy())
        elif series.name not in numbers:
            text.append(_as_text(series))
    texts = _texts(frame, text)
    columns |= texts | {name: _hashed(texts[name], salt) for name in sensitive if name in texts}
    hashes = frame.hash_rows(seed=0) if frame.width else pl.Series([], dtype=pl.UInt64)
    kept = tuple(numbers)[:WIDE]
    return BatchMetrics(
        rows=frame.height,
        duplicates=len(hashes) - hashes.n_unique() if len(hashes) else 0,
        due=due,
        arrived=arrived,
        columns={name: columns[name] for name in frame.columns},
        numbers=kept,
        sample=_sample([numbers[name] for name in kept], hashes.to_numpy()),
        content=int(hashes.to_numpy().sum(dtype=np.uint64)) if len(hashes) else 0,
    )


def _sample(numbers: list[Floats], hashes: npt.NDArray[np.uint64]) -> Floats:
    """At most `SAMPLE` rows drawn by their hashes, NaN for what is not finite."""
    if not numbers or not len(hashes):
        return np.empty((0, len(numbers)))
    rows = drawn_rows(hashes, SAMPLE)
    x = np.column_stack([column[rows] for column in numbers])
    return np.clip(np.where(np.isfinite(x), x, np.nan), -HUGE, HUGE)


def _as_text(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        return series
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        return pl.Series(series.name, [None if v is None else repr(v) for v in series.to_list()], dtype=pl.String)
    return series.cast(pl.String, strict=False)


def _hours(series: pl.Series, due: datetime | None) -> pl.Series:
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        hours = series.cast(pl.Datetime("us")).to_physical() / 3.6e9
        start = datetime(1970, 1, 1) if due is None else due
        if start.tzinfo is not None:  # times with a zone are held in universal time, others on the clock of `due`
            has_zone = isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None
            start = (start.astimezone(UTC) if has_zone else start).replace(tzinfo=None)
        return hours - (start - datetime(1970, 1, 1)).total_seconds() / 3600
    return series.to_physical().cast(pl.Float64)


def _numbers(series: pl.Series, kind: str, numbers: Floats) -> ColumnMetrics:
    x = np.sort(numbers[np.isfinite(numbers)])
    x = np.clip(x, -HUGE, HUGE) + 0.0  # no negative zero: it would be a value of its own
    n = len(x)
    head: dict[str, Any] = {"name": series.name, "dtype": str(series.dtype), "kind": kind, "rows": len(series)}
    if n == 0:
        return ColumnMetrics(**head, nulls=len(series))
    starts = np.flatnonzero(np.concatenate(([True], x[1:] != x[:-1])))
    runs = np.diff(np.append(starts, n))
    values = {}
    if len(starts) <= FEW:
        values = {f"{value:.10g}": int(cells) for value, cells in zip(x[starts], runs, strict=True)}
    return ColumnMetrics(
        **head,
        nulls=len(series) - n,
        distinct=len(starts),
        shares={"distinct": len(starts), "top": int(runs.max())},
        levels=_levels(x, x[starts], (starts + runs / 2) / n),
        quantiles=quantiles_of(x, RANKS),
        values=values,
    )


def _levels(x: Floats, distinct: Floats, middle: Floats) -> dict[str, tuple[float, float]]:
    """Levels of sorted numbers, of which `middle` holds the mid-rank of each distinct one.

    Quantiles are those of the mid-distribution function: where many cells share a value (hours, ratings, prices), plain
    ones jump from one value to the next by chance. One varies as the quantiles one standard error of rank around it.

    References
    ----------
    Ma, Genton, Parzen, Asymptotic properties of sample quantiles of discrete distributions, Annals of the Institute of
    Statistical Mathematics 63, 2011: asymptotically normal for discrete distributions too.
    """
    n = len(x)
    mean, std = float(x.mean()), float(x.std())
    levels = {"mean": (mean, std**2 / n), "low": (float(x[0]), 0.0), "high": (float(x[-1]), 0.0)}
    ranks = np.array(list(QUANTILES.values()))
    step = np.sqrt(ranks * (1 - ranks) / n)
    at, below, above = (np.interp(rank, middle, distinct) for rank in (ranks, ranks - step, ranks + step))
    for name, value, deviation in zip(QUANTILES, at.tolist(), ((above - below) / 2).tolist(), strict=True):
        levels[name] = (value, deviation**2)
    if n > 2 and std > 0:
        kurtosis = float((((x - mean) / std) ** 4).mean())
        levels["spread"] = (std, kurtosis / (4 * n))  # of log(std), by the delta method
    return levels


def quantiles_of(x: Floats, ranks: Floats) -> Floats:
    """Quantiles of sorted numbers, interpolated."""
    place = np.clip(ranks, 0.0, 1.0) * (len(x) - 1)
    low = place.astype(np.int64)
    high = np.minimum(low + 1, len(x) - 1)
    return np.asarray(x[low] + (x[high] - x[low]) * (place - low))


SHAPES: Final = ((r"\p{Lu}+", "A"), (r"\p{Ll}+", "a"), (r"\p{N}+", "9"), (r"\s", " "))


def _texts(frame: pl.DataFrame, columns: list[pl.Series]) -> dict[str, ColumnMetrics]:
    """All columns of text in one pass over their distinct values."""
    if not columns:
        return {}
    v, n = pl.col("v"), pl.col("n")
    pattern = v
    for run, letter in SHAPES:
        pattern = pattern.str.replace_all(run, letter)
    read = (
        pl.DataFrame([series.rename(str(i)) for i, series in enumerate(columns)])
        .lazy()
        .unpivot(variable_name="c", value_name="v")
        .filter(v.is_not_null())
        .group_by("c", "v")
        .agg(n=pl.len())
        .filter(v.str.strip_chars() != "")
        .sort("c", "n", "v", descending=[False, True, False])
        .with_columns(distinct=pl.len().over("c"), place=pl.int_range(pl.len()).over("c"), filled=n.sum().over("c"))
        .filter(pl.col("place") % (pl.col("distinct") // (KEPT_VALUES + 1) + 1) == 0)
        .with_columns(
            length=v.str.len_chars().cast(pl.Float64),
            foreign=v.str.len_bytes() != v.str.len_chars(),
            upper=(v == v.str.to_uppercase()) & (v != v.str.to_lowercase()),
            blank=v != v.str.strip_chars(),
            pattern=pattern,
        )
        .collect()
    )
    length = pl.col("length")
    facts = read.group_by("c").agg(
        pl.col("filled", "distinct").first(),
        kept=n.sum(),
        top=n.max(),
        mean=(length * n).sum() / n.sum(),
        square=(length**2 * n).sum() / n.sum(),
        shortest=length.min(),
        longest=length.max(),
        foreign=n.filter("foreign").sum(),
        upper=n.filter("upper").sum(),
        blank=n.filter("blank").sum(),
    )
    patterns = read.group_by("c", "pattern").agg(n.sum()).sort("c", "n", "pattern", descending=[False, True, False])
    of = {row["c"]: row for row in facts.iter_rows(named=True)}
    values_of, patterns_of = _by_column(read, "v"), _by_column(patterns, "pattern")
    out = {}
    for i, series in enumerate(columns):
        key = str(i)
        head: dict[str, Any] = {
            "name": series.name,
            "dtype": str(frame.schema[series.name]),
            "kind": TEXT,
            "rows": frame.height,
        }
        if key not in of:
            out[series.name] = ColumnMetrics(**head, nulls=frame.height)
            continue
        row = of[key]
        per_kept = row["filled"] / row["kept"]
        variance = max(0.0, row["square"] - row["mean"] ** 2)
        out[series.name] = ColumnMetrics(
            **head,
            nulls=frame.height - row["filled"],
            distinct=row["distinct"],
            shares={"distinct": row["distinct"], "top": row["top"]}
            | {name: round(per_kept * row[name]) for name in ("foreign", "upper", "blank")},
            levels={
                "length": (row["mean"], variance / row["kept"]),
                "length_spread": (variance**0.5, 0.5 / row["kept"]),
                "shortest": (row["shortest"], 0.0),
                "longest": (row["longest"], 0.0),
            },
            values=values_of[key] if row["distinct"] <= CLOSED else {},
            patterns=patterns_of[key],
        )
    return out


def salted(batch: BatchMetrics, sensitive: Collection[str], salt: bytes) -> BatchMetrics:
    """What was measured without the salt, or before the columns were sensitive, as if it had been measured with it."""
    held = [batch.columns[name] for name in sensitive if name in batch.columns]
    fresh = {
        column.name: replace(column, values={_salted(value, salt): n for value, n in column.values.items()})
        for column in held
        if column.kind == TEXT
    }
    return replace(batch, columns={**batch.columns, **fresh})


def _salted(held: str, salt: bytes) -> str:
    if SALTED.fullmatch(held):
        return held
    return _masked(int(held[1:], 16) if HASHED.fullmatch(held) else text_hash(held), salt)


def _hashed(column: ColumnMetrics, salt: bytes) -> ColumnMetrics:
    return replace(column, values={_masked(text_hash(value), salt): n for value, n in column.values.items()})


def _masked(plain: int, salt: bytes) -> str:
    """How a hash is held. The salt goes over it, so that what was hashed without one can be salted later."""
    return f"~{text_hash(f'{plain:016x}', salt):016x}" if salt else f"#{plain:016x}"


def _by_column(counted: pl.DataFrame, name: str) -> dict[str, dict[str, int]]:
    """Cells per value of each column, in the order of the rows."""
    lists = counted.group_by("c", maintain_order=True).agg(name, "n")
    return {c: dict(zip(values, cells, strict=True)) for c, values, cells in lists.iter_rows()}
