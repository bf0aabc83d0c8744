"""Packed batches and back: the bytes of one row, of a month, and the frame of a course."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import zstandard

__all__ = ["COURSE", "Part", "framed", "latest", "pack_facts", "pack_month", "rows_of", "unpack_month"]

COURSE: Final = {
    "name": pl.String,
    "at": pl.Int64,
    "due": pl.String,
    "arrived": pl.String,
    "judged_at": pl.String,
    "rows": pl.Int64,
    "state": pl.String,
    "alarm": pl.Boolean,
    "score": pl.Float64,
    "issue": pl.String,
    "verdict_by": pl.String,
    "verdict_at": pl.String,
}
"""What is kept of a batch beside its facts; `at` in microseconds since 1970."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some batches: a tuple each with what `COURSE` names, and their facts, shape (batches, names), NaN for none."""

    heads: Sequence[tuple[Any, ...]]
    names: Sequence[str]
    facts: npt.NDArray[np.float32]


def pack_facts(values: Iterable[float]) -> bytes:
    """As float32; larger numbers become its largest."""
    most = np.finfo(np.float32).max
    return np.clip(np.array(list(values), dtype=np.float64), -most, most).astype("<f4").tobytes()


def rows_of(rows: Sequence[Any], names: Sequence[str]) -> Part:
    """Rows of the table of batches with one layout; the last two fields are the layout and the packed facts."""
    packed = np.frombuffer(b"".join(row[-1] for row in rows), "<f4")
    return Part([tuple(row)[:-2] for row in rows], names, packed.reshape(len(rows), len(names)))


def pack_month(course: pl.DataFrame) -> tuple[list[str], bytes]:
    """Names of the facts and the bytes of a course, as `framed` makes it."""
    names = [name for name in course.columns if name not in COURSE]
    heads = course.select(*COURSE).with_columns(pl.col("at").dt.epoch("us"))
    text = json.dumps(heads.to_dict(as_series=False), ensure_ascii=False).encode()
    facts = course.select(names).fill_null(np.nan).to_numpy().astype("<f4").tobytes() if names else b""
    return names, zstandard.compress(len(text).to_bytes(8, "little") + text + facts, 3)


def unpack_month(body: bytes, names: Sequence[str]) -> Part:
    """What `pack_month` packed."""
    raw = zstandard.decompress(body)
    n = int.from_bytes(raw[:8], "little")
    heads = list(zip(*json.loads(raw[8 : 8 + n]).values(), strict=True))
    return Part(heads, names, np.frombuffer(raw, "<f4", offset=8 + n).reshape(len(heads), len(names)))


def framed(parts: Sequence[Part], wanted: Sequence[str] | None) -> pl.DataFrame:
    """The course of all parts, by time: what `COURSE` names, `at` as a moment in UTC, then the wanted facts or all."""
    heads = [head for part in parts for head in part.heads]
    frame = pl.DataFrame(heads, schema=COURSE, orient="row")
    known = wanted if wanted is not None else list(dict.fromkeys(name for part in parts for name in part.names))
    columns = [name for name in known if name not in COURSE]
    table = np.full((len(columns), len(heads)), np.nan)
    start = 0
    for part in parts:
        place = {name: i for i, name in enumerate(part.names)}
        here = [(i, place[name]) for i, name in enumerate(columns) if name in place]
        if here:
            to, at = (list(each) for each in zip(*here, strict=True))
            table[to, start : start + len(part.heads)] = part.facts[:, at].T
        start += len(part.heads)
    facts = pl.DataFrame(dict(zip(columns, table, strict=True)), nan_to_null=True)
    whole = frame.with_columns(pl.from_epoch("at", "us").dt.replace_time_zone("UTC"))
    return (whole.hstack(facts) if columns else whole).sort("at", maintain_order=True)


def latest(course: pl.DataFrame, days: float) -> pl.DataFrame:
    """The rows of a course whose `at` lies in the last so many days of it."""
    return course.filter(pl.col("at") > pl.col("at").max() - timedelta(days=days))
