"""Faults of whole batches: columns, copies, rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from kintsu.monitor.classify.faults import (
    Damaged,
    Delivery,
    NothingToDamage,
    as_number,
    between,
    fault,
    numbers,
    one_of,
    some_rows,
    texts,
    times,
    with_frame,
)

__all__: list[str] = []

Rng = np.random.Generator


# ------------------------------------------------------------------------------------------------ schema
@fault("schema")
def column_renamed(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, batch.frame.columns)
    names = [column + "_new", "new_" + column, column.upper(), column.title().replace("_", ""), column[::-1] + "x"]
    name = str(rng.choice([n for n in names if n not in batch.frame.columns]))
    return with_frame(batch, batch.frame.rename({column: name}), column)


@fault("schema")
def columns_renamed(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Every name got a prefix, or lost its case."""
    prefix = str(rng.choice(["t1.", "src_", "raw "]))
    return with_frame(batch, batch.frame.rename(lambda name: prefix + name), *batch.frame.columns)


@fault("schema")
def columns_gone(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    n = min(int(rng.integers(1, 4)), batch.frame.width - 1)
    gone = [str(c) for c in rng.permutation(batch.frame.columns)[:n]]
    if not gone:
        raise NothingToDamage
    return with_frame(batch, batch.frame.drop(gone), *gone)


@fault("schema")
def columns_added(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    n = batch.frame.height
    held = [pl.Series(rng.normal(size=n)), pl.Series(["y"] * n), pl.Series(np.arange(n)), pl.Series([None] * n)]
    added = [held[int(rng.integers(4))].alias(f"added_{i}") for i in range(int(rng.integers(1, 4)))]
    return with_frame(batch, batch.frame.with_columns(*added), *(s.name for s in added))


@fault("schema")
def column_copied(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A join left a second copy of a column."""
    column = one_of(rng, batch.frame.columns)
    return with_frame(batch, batch.frame.with_columns(pl.col(column).alias(column + "_right")), column)


@fault("schema")
def column_replaced(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A column went and another one came."""
    column = one_of(rng, batch.frame.columns)
    frame = batch.frame.drop(column)
    return with_frame(batch, frame.with_columns(pl.Series("state_code", rng.integers(0, 5, frame.height))), column)


# ------------------------------------------------------------------------------------------------ duplicates
def _gathered(batch: Delivery, rows: np.ndarray) -> Damaged:
    return with_frame(batch, batch.frame[rows.astype(np.uint32)])


@fault("duplicates")
def rows_sent_twice(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Some rows came again on top."""
    n = batch.frame.height
    again = rng.permutation(n)[: max(round(between(rng, 0.05, 0.9) * n), 1)]
    return _gathered(batch, rng.permutation(np.concatenate([np.arange(n), again])))


@fault("duplicates")
def file_sent_twice(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    return _gathered(batch, np.tile(np.arange(batch.frame.height), int(rng.integers(2, 4))))


@fault("duplicates")
def copies_for_others(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A page of the source was read twice instead of the next one: the number of rows stays."""
    n = batch.frame.height
    k = min(max(round(between(rng, 0.05, 0.5) * n), 1), n - 1)
    order = rng.permutation(n)
    return _gathered(batch, np.concatenate([order[: n - k], rng.choice(order[: n - k], k, replace=True)]))


@fault("duplicates")
def one_row_again(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A retry wrote one and the same row many times."""
    n = batch.frame.height
    k = max(round(between(rng, 0.06, 0.6) * n), 3)
    return _gathered(batch, np.concatenate([np.arange(n), np.full(k, rng.integers(n))]))


@fault("duplicates")
def sent_again_under_new_keys(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Records were entered again: copies with new keys, and a slip or an empty cell in another column."""
    frame = batch.frame
    keys = [s.name for s in frame if s.is_unique().all() and (s.dtype.is_integer() or s.dtype == pl.String)]
    others = [c for c in frame.columns if c not in keys]
    if not keys or len(others) < 3:
        raise NothingToDamage
    n = frame.height
    again = rng.permutation(n)[: max(round(between(rng, 0.04, 0.6) * n), 2)]
    copies = frame[again.astype(np.uint32)]
    offset = int(rng.choice([1, 1_000, 10**6, 10**9]))
    for key in keys:
        if frame.schema[key].is_integer():
            new = pl.Series(key, int(as_number(frame[key].max())) + offset + np.arange(len(again)))
        else:
            new = copies[key].str.reverse() + pl.Series(rng.integers(0, 10, len(again))).cast(pl.String)
        copies = copies.with_columns(new.cast(frame.schema[key], strict=False).alias(key))
    if rng.random() < 0.5:
        copies = copies.with_columns(pl.lit(None, frame.schema[c]).alias(c) for c in rng.permutation(others)[:1])
    return with_frame(batch, pl.concat([frame, copies]))


@fault("duplicates")
def join_of_many(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A join that matched several times: some rows come two to five times."""
    n = batch.frame.height
    times_each = np.where(rng.random(n) < rng.uniform(0.05, 0.5), rng.integers(2, 6, n), 1)
    return _gathered(batch, np.repeat(np.arange(n), times_each))


# ------------------------------------------------------------------------------------------------ volume
@fault("volume")
def end_missing(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    n = max(round(between(rng, 0.02, 0.75) * batch.frame.height), 1)
    return with_frame(batch, batch.frame.head(n))


@fault("volume")
def rows_lost(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    kept = some_rows(rng, batch.frame, between(rng, 0.05, 0.75))
    return with_frame(batch, batch.frame.filter(kept))


@fault("volume")
def nothing_came(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    return with_frame(batch, batch.frame.head(int(rng.integers(0, 4))))


@fault("volume")
def source_missing(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """All rows of one of several sources are missing."""
    frame = batch.frame
    column = one_of(rng, texts(frame, 0.15))
    gone = frame[column].drop_nulls().mode().sort()[0]
    share = float((frame[column] == gone).sum()) / max(frame.height, 1)
    if not 0.25 < share < 1:
        raise NothingToDamage
    return with_frame(batch, frame.filter(pl.col(column).ne_missing(gone)))


@fault("volume")
def hours_missing(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Nothing came of a part of the period."""
    column = one_of(rng, times(batch.frame))
    frame = batch.frame.sort(column)
    n = max(round(between(rng, 0.05, 0.7) * frame.height), 1)
    return with_frame(batch, frame.head(n) if rng.random() < 0.7 else frame.tail(n))


def _with_past(rng: Rng, batch: Delivery, past: pl.DataFrame, n: int, *, last: bool) -> Damaged:
    n = min(n, past.height)
    if n < 1:
        raise NothingToDamage
    added = past.tail(n) if last else past[np.sort(rng.permutation(past.height)[:n]).astype(np.uint32)]
    return with_frame(batch, pl.concat([batch.frame, added.select(batch.frame.columns)], how="vertical_relaxed"))


@fault("volume")
def rows_of_the_past(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    return _with_past(rng, batch, past, round((between(rng, 1.35, 5) - 1) * batch.frame.height), last=False)


@fault("volume")
def last_batch_again(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The last batches came again with this one."""
    return _with_past(rng, batch, past, batch.frame.height * int(rng.integers(1, 4)), last=True)


@fault("volume")
def fresh_rows(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """More rows of the same kind: those of the past with their running numbers moved on."""
    made = _with_past(rng, batch, past, round((between(rng, 1.35, 4) - 1) * batch.frame.height), last=False)
    frame = made.delivery.frame
    keys = [c for c in numbers(frame) if batch.frame.schema[c].is_integer() and batch.frame[c].is_unique().all()]
    offset = pl.int_range(pl.len())
    return with_frame(batch, frame.with_columns((pl.col(c).first() + offset).cast(frame.schema[c]) for c in keys))
