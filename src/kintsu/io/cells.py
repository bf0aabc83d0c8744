"""Text back to typed cells: the inverse of `core.batch.as_text`."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from kintsu.core.batch import as_text

__all__ = ["fits", "named_type", "parse_as", "replaced", "spelt"]

_STAMPS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_TRUTH = {"true": True, "false": False}
_SIMPLE: dict[str, pl.DataType] = {
    str(dtype()): dtype()
    for dtype in (
        *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
        *(pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time),
    )
} | {"Datetime": pl.Datetime("us")}


def named_type(name: str | None) -> pl.DataType | None:
    """The column type that a "cast" edit names ("Float64", "Date", ...); None where the name is unknown."""
    return _SIMPLE.get(name or "")


def _integers(text: pl.Series, dtype: Any) -> pl.Series:
    """ "12" and also "12.0", which is what a repair computed in floats says; exact below 2**53."""
    whole = text.cast(dtype, strict=False)
    number = text.cast(pl.Float64, strict=False)
    near = number.is_finite() & (number == number.floor()) & (number.abs() < 2**53)
    return whole.fill_null(number.set(~near.fill_null(False), None).cast(dtype, strict=False))


def _stamps(text: pl.Series, dtype: pl.Datetime) -> pl.Series:
    parsed = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit=dtype.time_unit, strict=False)
    for stamp in _STAMPS[1:]:
        parsed = parsed.fill_null(text.str.to_datetime(stamp, time_unit=dtype.time_unit, strict=False))
    parsed = parsed.fill_null(text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime(dtype.time_unit)))
    if dtype.time_zone is None:
        return parsed
    zone, unit = dtype.time_zone, dtype.time_unit
    local = parsed.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    plain = (
        text.str.replace("T", " ", literal=True).str.replace(r"Z$", "+0000").str.replace(r"([+-]\d\d):(\d\d)$", "$1$2")
    )
    zoned = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit=unit, time_zone="UTC", strict=False)
    return zoned.dt.convert_time_zone(zone).fill_null(local)


def _nested(text: pl.Series, dtype: Any) -> pl.Series:
    """JSON texts one by one: one that does not fit must not cost the others. Edited nested cells are few."""
    read = pl.List(dtype.inner) if dtype == pl.Array else dtype
    values: list[Any] = []
    for cell in text.to_list():
        try:
            values.append(None if cell is None else pl.Series([cell]).str.json_decode(read).to_list()[0])
        except (pl.exceptions.PolarsError, json.JSONDecodeError):
            values.append(None)
    return pl.Series(text.name, values, dtype=read).cast(dtype, strict=False)


def parse_as(text: pl.Series, dtype: Any) -> pl.Series:
    """Cells of `dtype` from their lossless text; null where the text is null *or does not fit*.

    `parse_as(as_text(x), x.dtype)` is `x`. Numbers and times may also be spelt in other plain ways ("12.0" for an
    integer, "2024-05-01" for a time stamp): the caller keeps `as_text` of the result as what was written.

    >>> parse_as(pl.Series(["12.0", "x", None]), pl.Int64).to_list()
    [12, None, None]
    """
    if dtype == pl.String:
        return text
    if dtype == pl.Binary:
        return text.str.decode("base64", strict=False)
    if dtype.is_nested():
        return _nested(text, dtype)
    plain = text.str.strip_chars()
    if dtype.is_integer():
        return _integers(plain, dtype)
    if dtype.is_float():
        return plain.cast(dtype, strict=False)
    if dtype == pl.Boolean:
        return plain.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    if dtype == pl.Date:
        return plain.str.to_date("%Y-%m-%d", strict=False)
    if dtype == pl.Time:
        return plain.str.to_time("%H:%M:%S%.f", strict=False)
    if dtype == pl.Datetime:
        return _stamps(plain, dtype)
    if dtype.is_decimal():
        return _decimals(plain, dtype)
    if dtype in (pl.Categorical, pl.Enum):
        return text.cast(dtype, strict=False)
    if dtype == pl.Duration:
        return _durations(plain, dtype)
    return pl.Series(text.name, [None] * len(text), dtype=dtype)


def _decimals(text: pl.Series, dtype: Any) -> pl.Series:
    """Only what the scale can hold: a decimal that would be rounded does not fit."""
    value = text.cast(dtype, strict=False)
    tail = text.str.extract(r"^[+-]?\d*\.(\d*?)0*$").str.len_chars().fill_null(0)
    return value.set((tail > dtype.scale).fill_null(False), None)


def _durations(text: pl.Series, dtype: Any) -> pl.Series:
    """Durations as polars writes them: "1d 2h 3m 4s 5ms 6µs 7ns", each part signed."""
    units = {"d": 86_400_000_000_000, "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000}
    units |= {"ms": 1_000_000, "µs": 1_000, "ns": 1}
    total = pl.Series([0] * len(text), dtype=pl.Int64)
    for unit, nanoseconds in units.items():
        total += text.str.extract(rf"(-?\d+){unit}(?:\s|$)").cast(pl.Int64, strict=False).fill_null(0) * nanoseconds
    known = text.str.contains(r"^(-?\d+(d|h|m|s|ms|µs|ns)(\s|$))+$").fill_null(False)
    per = {"ns": 1, "us": 1_000, "ms": 1_000_000}[dtype.time_unit]
    return (total // per).set(~known, None).cast(dtype).alias(text.name)


def replaced(series: pl.Series, index: pl.Series, values: pl.Series) -> pl.Series:
    """`series` with `values` at the positions `index`; works for every type, nested ones too."""
    take = pl.int_range(len(series), eager=True).scatter(index, pl.int_range(len(values), eager=True) + len(series))
    return pl.concat([series, values.cast(series.dtype).alias(series.name)]).gather(take)


def fits(text: pl.Series, dtype: Any) -> pl.Series:
    """Whether each text can be a cell of this type; null always can."""
    return text.is_null() | parse_as(text, dtype).is_not_null()


def spelt(text: pl.Series, dtype: Any) -> pl.Series:
    """Each text as the column will hold it: "12" in a float column is "12.0"."""
    return as_text(parse_as(text, dtype))
