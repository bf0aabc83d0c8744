"""Faults of columns of numbers and times: empty cells, outliers, drift."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from kintsu.monitor.classify.faults import (
    Damaged,
    Delivery,
    NothingToDamage,
    as_floats,
    as_number,
    between,
    fault,
    numbers,
    one_of,
    put,
    some_rows,
    texts,
    times,
    with_frame,
)

__all__: list[str] = []

Rng = np.random.Generator


# ------------------------------------------------------------------------------------------------ missing
def _emptied(batch: Delivery, columns: list[str], rows: pl.Series) -> Damaged:
    frame = batch.frame.with_columns(pl.when(~rows).then(pl.col(c)).alias(c) for c in columns)
    return with_frame(batch, frame, *columns)


def _fillable(frame: pl.DataFrame) -> list[str]:
    return [s.name for s in frame if s.null_count() < 0.6 * max(len(s), 1)]


@fault("missing")
def empty_cells(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _fillable(batch.frame))
    return _emptied(batch, [column], some_rows(rng, batch.frame, between(rng, 0.06, 0.9)))


@fault("missing")
def empty_column(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _fillable(batch.frame))
    return _emptied(batch, [column], some_rows(rng, batch.frame, 1.0))


@fault("missing")
def empty_run(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A source that fell silent for a while: a run of rows."""
    column = one_of(rng, _fillable(batch.frame))
    n = batch.frame.height
    length = max(round(between(rng, 0.08, 0.7) * n), 1)
    start = int(rng.integers(n - length + 1))
    rows = np.arange(n)
    return _emptied(batch, [column], pl.Series((rows >= start) & (rows < start + length)))


@fault("missing")
def empty_together(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A join that found nothing: several columns empty in the same rows."""
    columns = _fillable(batch.frame)
    if len(columns) < 2:
        raise NothingToDamage
    chosen = [str(c) for c in rng.permutation(columns)[: int(rng.integers(2, 5))]]
    return _emptied(batch, chosen, some_rows(rng, batch.frame, between(rng, 0.08, 1.0)))


@fault("missing")
def lost_tail(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The largest (or smallest) numbers were not recorded."""
    column = one_of(rng, numbers(batch.frame))
    x, share = batch.frame[column], between(rng, 0.08, 0.4)
    if rng.random() < 0.5:
        rows = x > x.quantile(1 - share)
    else:
        rows = x < x.quantile(share)
    return _emptied(batch, [column], rows.fill_null(False))


@fault("missing")
def blanked_text(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, texts(batch.frame))
    rows = some_rows(rng, batch.frame, between(rng, 0.06, 0.8))
    return with_frame(batch, put(batch.frame, column, rows, pl.lit(str(rng.choice(["", " "])))), column)


@fault("missing")
def not_a_number(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, numbers(batch.frame))
    frame = as_floats(batch.frame, column)
    rows = some_rows(rng, frame, between(rng, 0.06, 0.8))
    return with_frame(batch, put(frame, column, rows, pl.lit(float(rng.choice([np.nan, np.inf])))), column)


# ------------------------------------------------------------------------------------------------ outliers
def _few(rng: Rng, frame: pl.DataFrame) -> pl.Series:
    return some_rows(rng, frame, between(rng, 0.005, 0.06))


def _sized(frame: pl.DataFrame) -> list[str]:
    """Columns of numbers whose usual size is not zero."""
    return [name for name in numbers(frame) if frame[name].cast(pl.Float64).abs().median()]


@fault("outlier")
def spikes(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _sized(batch.frame))
    frame = as_floats(batch.frame, column)
    low = between(rng, 20, 100)
    factor = rng.uniform(low, 10 * low, frame.height) * rng.choice([-1.0, 1.0], frame.height, p=[0.4, 0.6])
    base = pl.when(pl.col(column) == 0).then(1.0).otherwise(pl.col(column))
    return with_frame(batch, put(frame, column, _few(rng, frame), base * pl.Series(factor)), column)


@fault("outlier")
def lost_point(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The decimal point of a few numbers was lost: all of them hundred or thousand times too large."""
    column = one_of(rng, _sized(batch.frame))
    frame, factor = as_floats(batch.frame, column), float(rng.choice([100.0, 1000.0, 10_000.0]))
    return with_frame(batch, put(frame, column, _few(rng, frame), pl.col(column) * factor), column)


@fault("outlier")
def sentinels(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """One impossible number in a few cells."""
    column = one_of(rng, numbers(batch.frame))
    value, width = float(rng.choice([99_999.0, 999_999.0, -99_999.0, 2.0**31 - 1])), _spread(past[column])
    if width is None or abs(value) < 50 * width:
        raise NothingToDamage
    frame = as_floats(batch.frame, column)
    return with_frame(batch, put(frame, column, _few(rng, frame), pl.lit(value)), column)


@fault("outlier")
def far_values(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Numbers that lie so many spreads beside the middle, on one side."""
    column = one_of(rng, numbers(batch.frame))
    width = _spread(past[column])
    if not width:
        raise NothingToDamage
    frame = as_floats(batch.frame, column)
    k = rng.uniform(1, 3, frame.height) * between(rng, 12, 200) * rng.choice([-1.0, 1.0])
    middle = as_number(frame[column].median())
    return with_frame(batch, put(frame, column, _few(rng, frame), pl.Series(middle + k * width)), column)


@fault("outlier")
def several_with_spikes(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A broken row: a few rows in which two or three columns are far off."""
    columns = _sized(batch.frame)
    if len(columns) < 2:
        raise NothingToDamage
    chosen = [str(c) for c in rng.permutation(columns)[: int(rng.integers(2, 4))]]
    frame, rows = batch.frame, _few(rng, batch.frame)
    for column in chosen:
        frame = as_floats(frame, column)
        frame = put(frame, column, rows, pl.col(column) * float(between(rng, 50, 1000) * rng.choice([-1, 1])))
    return with_frame(batch, frame, *chosen)


@fault("outlier")
def scattered_spikes(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Several columns are far off, each in rows of its own."""
    columns = _sized(batch.frame)
    if len(columns) < 2:
        raise NothingToDamage
    chosen = [str(c) for c in rng.permutation(columns)[: int(rng.integers(2, 5))]]
    frame = batch.frame
    for column in chosen:
        frame = as_floats(frame, column)
        factor = pl.Series(rng.choice([-1.0, 10.0, 50.0, 100.0, 1000.0], frame.height))
        frame = put(frame, column, _few(rng, frame), pl.col(column) * factor)
    return with_frame(batch, frame, *chosen)


@fault("outlier")
def stray_times(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A few times in 1970 or far in the future."""
    column = one_of(rng, times(batch.frame))
    stray = datetime(1970, 1, 1) if rng.random() < 0.6 else datetime(int(rng.integers(2040, 2100)), 1, 1)
    value = pl.lit(stray).cast(batch.frame.schema[column])
    return with_frame(batch, put(batch.frame, column, _few(rng, batch.frame), value), column)


def _spread(x: pl.Series) -> float | None:
    """Standard deviation without the tails; None of a constant."""
    y = x.cast(pl.Float64).drop_nulls().drop_nans()
    if not len(y):
        raise NothingToDamage
    low, high = y.quantile(0.05), y.quantile(0.95)
    width = max((high - low) / 3.3, as_number(y.std()) / 10) if low is not None and high is not None else 0.0
    return width or None


# ------------------------------------------------------------------------------------------------ drift
@fault("drift")
def other_scale(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _sized(batch.frame))
    factor = float(rng.choice([0.001, 0.01, 0.1, 10.0, 100.0, 1000.0]))
    return with_frame(batch, batch.frame.with_columns(pl.col(column).cast(pl.Float64) * factor), column)


@fault("drift")
def other_unit(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _sized(batch.frame))
    a, b = [(2.2046, 0.0), (0.3048, 0.0), (1.609, 0.0), (0.0166667, 0.0), (1.8, 32.0), (0.5556, -17.8), (1.19, 0.0)][
        int(rng.integers(7))
    ]
    return with_frame(batch, batch.frame.with_columns(pl.col(column).cast(pl.Float64) * a + b), column)


@fault("drift")
def unit_of_some(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """One of several sources tells another unit."""
    column = one_of(rng, _sized(batch.frame))
    frame, rows = as_floats(batch.frame, column), some_rows(rng, batch.frame, rng.uniform(0.2, 0.7))
    factor = between(rng, 2, 1000) ** float(rng.choice([-1, 1]))
    return with_frame(batch, put(frame, column, rows, pl.col(column) * factor), column)


@fault("drift")
def moved_mean(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, numbers(batch.frame))
    sd = past[column].cast(pl.Float64).std()
    if not sd:
        raise NothingToDamage
    by = between(rng, 0.4, 4) * as_number(sd) * float(rng.choice([-1, 1]))
    return with_frame(batch, batch.frame.with_columns(pl.col(column).cast(pl.Float64) + by), column)


@fault("drift")
def moved_times(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The clock of a source is wrong, or it tells another time zone."""
    column = one_of(rng, [c for c in times(batch.frame) if batch.frame.schema[c] != pl.Date])
    hours = float(rng.choice([-1, 1])) * between(rng, 6, 24 * 30)
    by = pl.duration(minutes=round(60 * hours))
    return with_frame(batch, batch.frame.with_columns(pl.col(column) + by), column)


@fault("drift")
def other_width(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Noise, or the lack of it: numbers move away from their middle, or towards it."""
    column = one_of(rng, numbers(batch.frame, 10))
    middle = as_number(batch.frame[column].cast(pl.Float64).median())
    factor = between(rng, 2, 8) ** float(rng.choice([-1, 1]))
    moved = (pl.col(column).cast(pl.Float64) - middle) * factor + middle
    return with_frame(batch, batch.frame.with_columns(moved), column)


@fault("drift")
def bent(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A logarithm, a root or a square was taken or forgotten."""
    frame = batch.frame
    column = one_of(rng, [c for c in numbers(frame) if as_number(frame[c].cast(pl.Float64).drop_nans().min()) > 0])
    x = pl.col(column).cast(pl.Float64)
    return with_frame(batch, frame.with_columns([x.log(), x.sqrt(), x**2][int(rng.integers(3))]), column)


@fault("drift")
def other_sign(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, _sized(batch.frame))
    return with_frame(batch, batch.frame.with_columns(-pl.col(column).cast(pl.Float64)), column)


@fault("drift")
def capped(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Nothing above (or below) a limit is told any more."""
    column = one_of(rng, numbers(batch.frame, 10))
    x, share = batch.frame[column].cast(pl.Float64), rng.uniform(0.3, 0.8)
    limit = x.quantile(share)
    kept = x.clip(upper_bound=limit) if rng.random() < 0.5 else x.clip(lower_bound=limit)
    return with_frame(batch, batch.frame.with_columns(kept), column)


@fault("drift")
def stuck(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A sensor or a form repeats one of its values."""
    frame = batch.frame
    column = one_of(rng, [s.name for s in frame if s.drop_nulls().n_unique() > 0.25 * frame.height])
    held = frame[column].drop_nulls()
    value = pl.lit(held[int(rng.integers(len(held)))]).cast(frame.schema[column])
    return with_frame(batch, put(frame, column, some_rows(rng, frame, rng.uniform(0.25, 1.0)), value), column)


@fault("drift")
def only_a_part(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Another population: the column's cells come from the upper (or lower) part of what it held."""
    column = one_of(rng, numbers(batch.frame, 8))
    x = past[column].drop_nulls().sort()
    n = max(int(rng.uniform(0.15, 0.5) * len(x)), 1)
    part = x.head(n) if rng.random() < 0.5 else x.tail(n)
    values = part.gather(rng.integers(0, len(part), batch.frame.height))
    rows = some_rows(rng, batch.frame, rng.uniform(0.5, 1.0))
    return with_frame(batch, put(batch.frame, column, rows, values), column)


@fault("drift")
def swapped(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Two columns of one type were exchanged."""
    return _exchanged(rng, batch, 2, 1.0)


@fault("drift")
def swapped_in_some(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Two columns of one type were exchanged in some rows."""
    return _exchanged(rng, batch, 2, between(rng, 0.1, 0.9))


@fault("drift")
def columns_shifted(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A field was lost in some lines: three columns or more hold what belongs to the next one."""
    return _exchanged(rng, batch, int(rng.integers(3, 5)), between(rng, 0.1, 1.0))


def _exchanged(rng: Rng, batch: Delivery, n: int, share: float) -> Damaged:
    """Each of `n` columns of one type takes the cells of the next one, in a share of the rows."""
    frame = batch.frame
    groups = [g for g in (numbers(frame), texts(frame)) if len(g) >= n]
    if not groups:
        raise NothingToDamage
    chosen = [str(c) for c in rng.permutation(groups[int(rng.integers(len(groups)))])[:n]]
    if len({frame.schema[c] for c in chosen}) > 1:
        frame = frame.with_columns(pl.col(chosen).cast(pl.Float64))
    rows = some_rows(rng, frame, share)
    moved = [
        pl.when(rows).then(pl.col(after)).otherwise(pl.col(column)).alias(column)
        for column, after in zip(chosen, [*chosen[1:], chosen[0]], strict=True)
    ]
    return with_frame(batch, frame.with_columns(moved), *chosen)


@fault("drift")
def several_moved(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Another currency or another machine: several columns are told on another scale."""
    columns = _sized(batch.frame)
    if len(columns) < 2:
        raise NothingToDamage
    chosen = [str(c) for c in rng.permutation(columns)[: int(rng.integers(2, 5))]]
    factor = between(rng, 1.15, 100) ** float(rng.choice([-1, 1]))
    return with_frame(batch, batch.frame.with_columns(pl.col(chosen).cast(pl.Float64) * factor), *chosen)


@fault("drift")
def more_of_one(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A known value takes cells of the others."""
    column = one_of(rng, texts(batch.frame, 0.2))
    known = past[column].drop_nulls().unique().sort()
    value = pl.lit(known[int(rng.integers(len(known)))])
    rows = some_rows(rng, batch.frame, rng.uniform(0.15, 0.8))
    return with_frame(batch, put(batch.frame, column, rows, value), column)


@fault("drift")
def other_mix(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The cells of one frequent value are spread over the other known ones."""
    column = one_of(rng, texts(batch.frame, 0.2))
    frame = batch.frame
    gone = frame[column].drop_nulls().mode().sort()[0]
    others = past[column].drop_nulls().unique().sort()
    others = others.filter(others != gone)
    if not len(others):
        raise NothingToDamage
    values = others.gather(rng.integers(0, len(others), frame.height))
    rows = (frame[column] == gone).fill_null(False) & some_rows(rng, frame, rng.uniform(0.4, 1.0))
    return with_frame(batch, put(frame, column, rows, values), column)
