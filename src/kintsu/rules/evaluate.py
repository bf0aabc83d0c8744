"""Which rows of a batch break a rule. What a rule needs beyond its row is learned once, from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.errors import UsageError
from kintsu.core.settings import nearest
from kintsu.rules.coding import filled_text
from kintsu.rules.expression import evaluate, sides
from kintsu.rules.language import Rule
from kintsu.rules.spelling import decimals_of

__all__ = ["Learned", "applies", "check_columns", "comparable", "format_of", "learn", "violates"]

FORMAT_VALUES = 2000  # distinct values that settle the format of a column's dates


@dataclass(frozen=True)
class Learned:
    """What one rule needs beyond a row.

    Parameters
    ----------
    formats
        Column -> its format of dates or times; columns of numbers are absent.
    tolerance
        Largest difference of an arithmetic rule.
    repeated
        Combinations of the rule's columns that occur more than once, with their rows as `__n`.
    allowed
        Texts that an inclusion allows; several columns are joined by a unit separator.
    usual
        Groups of a dependency that hold several values: the left columns, `__usual`, the commonest right value (null
        where two are as common), `__n`, its rows, and `__of`, all rows with a value.
    """

    formats: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    repeated: pl.DataFrame | None = None
    allowed: pl.Series | None = None
    usual: pl.DataFrame | None = None


def learn(rule: Rule, reference: Reference) -> Learned:
    """What the rule needs of this table.

    Raises
    ------
    UsageError
        The rule names a column or another table that is not there.
    """
    check_columns(rule, reference.columns)
    match rule.kind:
        case "range" | "order":
            texts = [name for name in rule.columns if not reference.column(name).is_numeric]
            return Learned(formats={name: fmt for name in texts if (fmt := format_of(reference.sample[name]))})
        case "unique" | "key":
            return Learned(repeated=_repeats(rule, reference))
        case "arithmetic":
            return Learned(tolerance=_tolerance(rule, reference))
        case "domain" | "inclusion":
            return Learned(allowed=_allowed(rule, reference))
        case "fd":
            return Learned(usual=_usual(rule, reference))
    return Learned()


def format_of(column: Column) -> str | None:
    """The format in which a column of text writes dates or times; None for numbers, other text, and typed columns."""
    if column.series.dtype != pl.String:
        return None
    from kintsu.profile.dates import find_format

    counts = column.counts.filter(pl.col("value").str.strip_chars() != "")
    values = counts.sort(["n", "value"], descending=[True, False]).head(FORMAT_VALUES)
    if not values["value"].str.contains(r"\d[-/:. ]|[A-Za-z] ?\d").mean():
        return None
    found = find_format(values["value"], values["n"])
    return found.format if found is not None and found.share >= 0.5 else None


def _repeats(rule: Rule, reference: Reference) -> pl.DataFrame:
    names, extra = list(rule.columns), [name for name in rule.when if name not in rule.columns]
    counted = reference.counts((*names, *extra))
    if extra:
        whole = Batch(reference.table, counted.drop("n"), pl.int_range(len(counted), eager=True))
        counted = counted.filter(applies(whole, rule))
    text = [pl.when(pl.col(name).str.strip_chars() != "").then(name) for name in names]
    total = counted.with_columns(text).drop_nulls(names).group_by(names).agg(__n=pl.col("n").sum())
    return total.filter(pl.col("__n") > 1)


def _usual(rule: Rule, reference: Reference) -> pl.DataFrame:
    left, right = list(rule.columns), str(rule.must["right"])
    extra = [name for name in rule.when if name not in (*left, right)]
    counted = reference.counts((*left, right, *extra))
    if rule.when:
        whole = Batch(reference.table, counted.drop("n"), pl.int_range(len(counted), eager=True))
        counted = counted.filter(applies(whole, rule))
    text = [pl.when(pl.col(name).str.strip_chars() != "").then(name) for name in (*left, right)]
    pairs = counted.with_columns(text).drop_nulls([*left, right]).group_by([*left, right]).agg(__n=pl.col("n").sum())
    most = pl.col("__n") == pl.col("__n").max()
    groups = pairs.group_by(left).agg(
        __usual=pl.when(most.sum() == 1).then(pl.col(right).filter(most).min()),
        __of=pl.col("__n").sum(),
        __n=pl.col("__n").max(),
        __values=pl.len(),
    )
    return groups.filter(pl.col("__values") > 1).drop("__values")


def _tolerance(rule: Rule, reference: Reference) -> float:
    """As given, else half a unit of the last place in which the columns left of the equals sign are written."""
    if "tolerance" in rule.must:
        return float(rule.must["tolerance"])
    left, _ = sides(str(rule.must["formula"]), rule.id)
    named = [name for name in rule.columns if name in left]
    places = [decimals_of(filled_text(reference.sample[name]))[1] for name in named]
    return 0.5001 * 10.0 ** -max(places, default=0)


def _allowed(rule: Rule, reference: Reference) -> pl.Series:
    if "values" in rule.must:
        return pl.Series([_spelt(v) for v in rule.must["values"]], dtype=pl.String)
    tables = reference.option("tables") or {}
    name = str(rule.must["table"])
    if name not in tables:
        raise UsageError(f"rule {rule.id}: no table {name!r} was handed in{nearest(name, tuple(tables))}")
    of = rule.must.get("of", list(rule.columns))
    columns = [of] if isinstance(of, str) else list(of)
    other: pl.DataFrame = tables[name]
    for column in columns:
        if column not in other.columns:
            raise UsageError(
                f"rule {rule.id}: table {name!r} has no column {column!r}{nearest(column, tuple(other.columns))}"
            )
    batch = Batch.of(other.select(columns))
    return _joined([filled_text(batch[column]) for column in columns]).drop_nulls().unique()


def _joined(texts: list[pl.Series]) -> pl.Series:
    return texts[0] if len(texts) == 1 else pl.select(pl.concat_str(texts, separator="\x1f")).to_series()


def check_columns(rule: Rule, known: tuple[str, ...]) -> None:
    """Raises `UsageError` where the rule names a column that the table lacks, with the nearest that it has."""
    right = (str(rule.must["right"]),) if rule.kind == "fd" else ()
    for name in (*rule.columns, *rule.when, *right):
        if name not in known:
            raise UsageError(f"rule {rule.id}: no column {name!r} in the table{nearest(name, known)}")


def applies(batch: Batch, rule: Rule) -> pl.Series:
    """Rows that the rule's condition selects."""
    chosen = pl.repeat(True, len(batch), eager=True, dtype=pl.Boolean)
    for name, wanted in rule.when.items():
        empty = batch[name].is_missing
        if wanted is None or wanted == "null":
            chosen &= empty
        elif wanted == "not null":
            chosen &= ~empty
        else:
            listed = wanted if isinstance(wanted, list | tuple) else [wanted]
            chosen &= batch[name].text.is_in([_spelt(v) for v in listed]).fill_null(False)
    return chosen


def _spelt(value: Any) -> str:
    """A YAML value as a text table spells it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def comparable(batch: Batch, name: str, fmt: str | None = None) -> pl.Series:
    """The column on an ordered scale: numbers, or microseconds for dates and times; null elsewhere.

    `fmt` is the format of text that holds dates or times; None for numbers.
    """
    column = batch[name]
    if column.series.dtype.is_temporal():
        return _moment(column.series)
    if fmt is None:
        return column.number
    from kintsu.profile.dates import parse

    if column.text.head(1000).n_unique() > 500:  # mostly distinct: coding them first would cost more than it saves
        return _moment(parse(column.text, fmt))
    distinct = column.counts.select("value", moment=_moment(parse(column.counts["value"], fmt)))
    joined = column.text.alias("value").to_frame().join(distinct, on="value", how="left", maintain_order="left")
    return joined["moment"]


def _moment(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Time:
        return series.cast(pl.Int64).cast(pl.Float64) / 1e3
    if isinstance(series.dtype, pl.Duration):
        return series.dt.total_microseconds().cast(pl.Float64)
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64)


def violates(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    """Rows of the batch that break the rule; empty cells break only `not_null` and `key`.

    Of the rows that contradict a dependency those break it that do not have the commonest value of their group; all
    of them where there is no commonest.
    """
    chosen = applies(batch, rule)
    match rule.kind:
        case "range":
            hit = _out_of_range(batch, rule, learned)
        case "domain" | "inclusion":
            hit = _not_listed(batch, rule, learned)
        case "pattern":
            text = filled_text(batch[rule.columns[0]])
            whole = f"^(?:{rule.must['pattern']})$"
            hit = ~text.str.contains(whole)
        case "not_null":
            hit = batch[rule.columns[0]].is_missing
        case "unique" | "key":
            hit = _repeated(batch, rule, learned)
        case "arithmetic":
            hit = _unbalanced(batch, rule, learned.tolerance)
        case "order":
            hit = _unordered(batch, rule, learned)
        case "fd":
            hit = _contradicts(batch, rule, learned)
        case _:
            hit = pl.repeat(False, len(batch), eager=True, dtype=pl.Boolean)
    return hit.fill_null(False) & chosen


def _out_of_range(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    name = rule.columns[0]
    values = comparable(batch, name, learned.formats.get(name))
    hit = pl.repeat(False, len(batch), eager=True, dtype=pl.Boolean)
    if rule.must.get("min") is not None:
        hit |= (values < _bound(rule.must["min"])).fill_null(False)
    if rule.must.get("max") is not None:
        hit |= (values > _bound(rule.must["max"])).fill_null(False)
    return hit


def _bound(bound: Any) -> float:
    """A bound on the scale of `comparable`."""
    if isinstance(bound, int | float):
        return float(bound)
    from kintsu.profile.dates import find_format, parse

    text = pl.Series([str(bound)])
    found = find_format(text)
    if found is None:
        raise UsageError(f"a bound is a number, a date or a time; found {bound!r}")
    return float(_moment(parse(text, found.format))[0])


def _not_listed(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    allowed = learned.allowed if learned.allowed is not None else pl.Series([], dtype=pl.String)
    return ~_joined([filled_text(batch[name]) for name in rule.columns]).is_in(allowed.implode())


def _repeated(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    names = list(rule.columns)
    hit = pl.repeat(False, len(batch), eager=True, dtype=pl.Boolean)
    if learned.repeated is not None:
        frame = pl.DataFrame({name: filled_text(batch[name]) for name in names})
        hit = frame.join(learned.repeated, on=names, how="left", maintain_order="left")["__n"].is_not_null()
    if rule.kind == "key":
        for name in names:
            hit |= batch[name].is_missing
    return hit


def _contradicts(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    left, right = list(rule.columns), filled_text(batch[str(rule.must["right"])])
    if learned.usual is None:
        return pl.repeat(False, len(batch), eager=True, dtype=pl.Boolean)
    frame = pl.DataFrame({name: filled_text(batch[name]) for name in left})
    found = frame.join(learned.usual, on=left, how="left", maintain_order="left")
    return found["__of"].is_not_null() & right.is_not_null() & ~(right == found["__usual"]).fill_null(False)


def _unbalanced(batch: Batch, rule: Rule, tolerance: float) -> pl.Series:
    left, right = sides(str(rule.must["formula"]), rule.id)
    numbers = {name: batch[name].number.to_numpy().astype(np.float64) for name in rule.columns}
    a, b = evaluate(left, numbers), evaluate(right, numbers)
    with np.errstate(invalid="ignore"):
        broken = np.abs(a - b) > tolerance + 1e-9 * np.abs(b)
    return pl.Series(np.broadcast_to(broken & np.isfinite(a) & np.isfinite(b), len(batch)))


def _unordered(batch: Batch, rule: Rule, learned: Learned) -> pl.Series:
    hit = pl.repeat(False, len(batch), eager=True, dtype=pl.Boolean)
    values = [comparable(batch, name, learned.formats.get(name)) for name in rule.columns]
    for a, b in pairwise(values):
        hit |= ((a >= b) if rule.must.get("strict") else (a > b)).fill_null(False)
    return hit
