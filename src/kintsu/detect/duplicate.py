"""Rows that are there twice, and keys that more than one row carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase

__all__ = ["Duplicate"]

_SEED: Final = 11
_CODE: Final = r"^[^\s]*\d[^\s]*$"  # a key by its looks: one token with a digit in it
_NATURAL_SHARE: Final = 0.2  # more repeated rows than this are the table's habit (counts, ratings)


@dataclass(frozen=True)
class Repeats:
    """What is there more than once: `rows` (`hash`, `first`, `copies`) for whole rows, `keys` (`key`, `n`) for keys."""

    compared: tuple[str, ...]
    rows: pl.DataFrame
    key: tuple[str, ...]
    keys: pl.DataFrame
    share: float


@dataclass(frozen=True)
class Duplicate:
    """Whole rows that equal an earlier row, and keys carried by several different rows.

    Rows are equal when all cells are (identifiers named in the option "identifiers" left aside). The row with the
    smallest number in the table is the original; every other one is a finding with no column. In other row orders the
    same contents are found, whichever copy comes first. Keys are those of the option "keys" (together they identify
    a row), or a column of codes in which nearly every value is distinct; exact copies of a row do not count there.

    Score: 1 minus the share of copies among the rows. Tables whose rows repeat by nature (few columns of few values)
    are left alone, unless the option "drop_duplicates" asks for their removal. Blind to near duplicates: that is record
    linkage.

    Parameters
    ----------
    largest_share
        Share of rows that may repeat a value of a column that still passes for a key.
    """

    name: ClassVar[str] = "duplicate"

    largest_share: float = 0.005

    def train(self, reference: Reference) -> Repeats | None:
        if reference.rows < 2:
            return None
        aside = set(reference.option("identifiers") or ())
        compared = tuple(name for name in reference.columns if name not in aside)
        key = tuple(reference.option("keys") or ()) or self._discovered_key(reference)
        rows = _empty_rows()
        if compared and not any(_is_unique(reference, name) for name in compared):
            rows = _repeated_rows(reference, compared)
        share = float((rows["copies"] - 1).sum()) / reference.rows
        if not reference.option("drop_duplicates") and _is_natural(reference, compared, share):
            rows = rows.clear()
        keys = _repeated_keys(reference, key, rows, compared) if key else pl.DataFrame(schema={"key": pl.UInt64})
        if not len(rows) and not len(keys):
            return None
        return Repeats(compared, rows, key, keys, share)

    def find(self, batch: Batch, model: Repeats | None, reference: Reference) -> pl.DataFrame:
        if model is None or not len(batch):
            return concat([], FINDINGS)
        parts = []
        extra = pl.DataFrame({"row": pl.Series([], dtype=pl.Int64)})
        if len(model.rows) and set(model.compared) <= set(batch.columns):
            hit = _hashed(batch, model.compared).join(model.rows, on="hash", how="inner")
            extra = hit.filter(pl.col("row") != pl.col("first"))
        if len(extra):
            why = phrase(
                "equals row {}{}; {} rows have this content",
                "first",
                pl.lit("" if model.compared == reference.columns else " in all but its identifiers"),
                "copies",
            )
            found = extra.select("row", why.alias("why"), pl.lit(1 - model.share).alias("score"))
            parts.append(findings(found, detector=self.name, kind="duplicate"))
        if len(model.keys) and set(model.key) <= set(batch.columns):
            parts.append(self._keys(batch, model, extra))
        return concat(parts, FINDINGS)

    def frozen(self, model: Repeats | None, reference: Reference) -> Frozen:
        """Nothing: which rows and keys are there twice is known of a whole table only."""
        return Frozen.nothing("equal rows and repeated keys are found among the rows of one table")

    def _keys(self, batch: Batch, model: Repeats, extra: pl.DataFrame) -> pl.DataFrame:
        key = _hashed(batch, model.key).rename({"hash": "key"}).join(model.keys, on="key", how="inner")
        key = key.join(extra.select("row"), on="row", how="anti")
        text = pl.DataFrame({"row": batch.row, "value": batch[model.key[-1]].text})
        if not len(key):
            return concat([], FINDINGS)
        named = " + ".join(model.key)
        why = phrase("{} is a key, but {} different rows carry this value", pl.lit(named), "n")
        found = key.join(text, on="row", how="left", maintain_order="left").select(
            "row",
            "value",
            why.alias("why"),
            pl.lit(1 - self.largest_share).alias("score"),
            phrase("key:{}:{}", pl.lit(named), "key").alias("group"),
        )
        return findings(found, detector=self.name, kind="key", column=model.key[-1])

    def _discovered_key(self, reference: Reference) -> tuple[str, ...]:
        """The first column of codes with hardly any repeats; empty where there is none, or where none repeats."""
        for name in reference.columns:
            facts = reference.column(name)
            filled = facts.rows - facts.nulls
            if (
                filled < 100
                or facts.distinct < (1 - 2 * self.largest_share) * filled
                or facts.type not in ("integer", "text")
            ):
                continue
            values = reference.values(name)
            if not reference.is_exact(name):
                continue
            repeats = int(values["n"].sum()) - len(values)
            if 0 < repeats <= self.largest_share * filled and _looks_like_keys(values, facts.type):
                return (name,)
        return ()


def _looks_like_keys(values: pl.DataFrame, kind: str) -> bool:
    text = values["value"].str.strip_chars()
    if float(text.str.contains(_CODE).mean() or 0) < 0.99:  # type: ignore[arg-type]
        return False
    if kind == "integer":  # numbers that fill their range are numbers given out, no measurements
        number = text.cast(pl.Int64, strict=False).drop_nulls().sort()
        at = (int(0.01 * len(number)), int(0.99 * (len(number) - 1)))
        return len(number) > 1 and number[at[1]] - number[at[0]] < 3 * len(number)
    lengths = text.str.len_chars().value_counts(sort=True)
    return float(lengths["count"][0]) >= 0.9 * len(text)


def _is_unique(reference: Reference, name: str) -> bool:
    """Whether no value of the column occurs twice, empty cells included."""
    facts = reference.column(name)
    if facts.distinct < 0.95 * facts.rows or facts.nulls > 1:
        return False
    values = reference.values(name)
    return reference.is_exact(name) and len(values) + facts.nulls >= reference.rows


def _is_natural(reference: Reference, compared: tuple[str, ...], share: float) -> bool:
    """Whether rows may be equal by chance: a large share is, or the columns, were they independent, would do it."""
    if share > _NATURAL_SHARE:
        return True
    if share == 0:
        return False
    same = 0.0
    for name in compared:
        n = reference.sample[name].text.value_counts(name="n")["n"].to_numpy().astype(float)
        drawn = max(n.sum() * (n.sum() - 1), 1.0)
        same += float(np.log(max((n * (n - 1)).sum(), 1.0) / drawn))
    pairs = reference.rows * (reference.rows - 1) / 2
    return bool(np.log(pairs) + same > np.log(max(share * reference.rows, 1) * 0.1))


def _hashed(batch: Batch, names: tuple[str, ...]) -> pl.DataFrame:
    """`row` and a 64-bit `hash` of the named cells, as read. Rows that are empty throughout are left out.

    The hash is that of the installed polars: equal within a run, not promised between versions.
    """
    frame = batch.frame.select(names)
    empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    hashed = frame.hash_rows(seed=_SEED)
    return pl.DataFrame({"row": batch.row.cast(pl.Int64), "hash": hashed}).filter(~empty)


def _empty_rows() -> pl.DataFrame:
    return pl.DataFrame(schema={"hash": pl.UInt64, "first": pl.Int64, "copies": pl.UInt32})


def _repeated_rows(reference: Reference, names: tuple[str, ...]) -> pl.DataFrame:
    parts = [_hashed(batch, names) for batch in reference.scan(list(names))]
    if not parts:
        return _empty_rows()
    grouped = pl.concat(parts).group_by("hash").agg(pl.col("row").min().alias("first"), pl.len().alias("copies"))
    return grouped.filter(pl.col("copies") > 1).sort("hash").cast({"copies": pl.UInt32})


def _repeated_keys(
    reference: Reference, key: tuple[str, ...], rows: pl.DataFrame, compared: tuple[str, ...]
) -> pl.DataFrame:
    """Keys of several rows, exact copies of a row counted once."""
    if len(key) == 1 and _is_unique(reference, key[0]):
        return pl.DataFrame(schema={"key": pl.UInt64, "n": pl.UInt32})
    needed = tuple(dict.fromkeys((*key, *(compared if len(rows) else ()))))
    parts = []
    for batch in reference.scan(list(needed)):
        keyed = _hashed(batch, key).rename({"hash": "key"})
        complete = pl.DataFrame({"row": batch.row.cast(pl.Int64)}).filter(
            ~pl.DataFrame([batch[name].is_missing for name in key]).select(pl.any_horizontal(pl.all())).to_series()
        )
        keyed = keyed.join(complete, on="row", how="semi")
        if len(rows):
            copies = _hashed(batch, compared).join(rows, on="hash").filter(pl.col("row") != pl.col("first"))
            keyed = keyed.join(copies, on="row", how="anti")
        parts.append(keyed)
    grouped = pl.concat(parts).group_by("key").agg(pl.len().alias("n"))
    return grouped.filter(pl.col("n") > 1).sort("key").cast({"n": pl.UInt32})
