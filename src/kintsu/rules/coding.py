"""Dictionary codes: distinct texts once, integers from then on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.values.judgement import chosen_of
from kintsu.profile.values.selection import HABIT

__all__ = ["MISSING", "UNSEEN", "Codes", "filled_text", "likeness", "mended", "mends", "pack", "sampled_rows"]

Ints = npt.NDArray[np.int64]

UNSEEN = -1  # a text that training never saw
MISSING = -2  # null or blank
FEW = 5_000  # distinct texts that are looked up as categories; of more a join is quicker
LEAST_SURE = 0.8  # of what a damaged value should be, for it to count as that
NO_MENDS = pl.DataFrame(schema={"value": pl.String, "new": pl.String, "hit": pl.Boolean})


def filled_text(column: Column) -> pl.Series:
    """Text of a column with blank cells as null."""
    return column.text.set(column.is_missing, None).alias(column.name)


def mends(reference: Reference, name: str) -> pl.DataFrame:
    """Values (`value`) of a column that are surely damaged, and what they mean (`new`; null: a null token).

    A cell counts as what it means when rows are grouped and votes are counted: where half of the cells are damaged,
    few groups hold together by their raw texts. `hit` is true. Remembered.
    """

    def build() -> dict[str, pl.DataFrame]:
        sure = pl.col("mend") & (pl.col("score") >= HABIT)
        known = (pl.col("new_score") >= LEAST_SURE) | (pl.col("operation") == "null_token")
        chosen = chosen_of(reference, sure & known)
        return {name: table.select("value", "new", hit=pl.lit(True)) for name, table in chosen.items()}

    found: dict[str, pl.DataFrame] = remembered(reference, "mends", build)
    return found.get(name, NO_MENDS)


def mended(text: pl.Series, known: pl.DataFrame) -> pl.Series:
    """The texts with the values of `known` (see `mends`) replaced by what they mean."""
    if not len(known):
        return text
    joined = text.alias("value").to_frame().join(known, on="value", how="left", maintain_order="left")
    return joined.select(pl.when("hit").then("new").otherwise("value").alias(text.name)).to_series()


@dataclass(frozen=True)
class Codes:
    """The distinct texts of one column, sorted; a text's code is its position."""

    values: pl.Series

    @staticmethod
    def of(text: pl.Series) -> Codes:
        return Codes(text.drop_nulls().unique().sort().alias("value"))

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _categories(self) -> pl.Enum:
        return pl.Enum(self.values)

    def encode(self, text: pl.Series) -> Ints:
        """Code of every text; `UNSEEN` where training never saw it, `MISSING` where it is null."""
        if len(self.values) <= FEW:
            code = text.cast(self._categories, strict=False).to_physical().cast(pl.Int64)
        else:
            known = pl.DataFrame({"value": self.values, "code": pl.int_range(len(self.values), eager=True)})
            code = text.alias("value").to_frame().join(known, on="value", how="left", maintain_order="left")["code"]
        if not code.null_count():
            return code.to_numpy()
        codes = code.fill_null(UNSEEN).to_numpy()
        return np.where(text.is_null().to_numpy(), MISSING, codes) if text.null_count() else codes

    def code(self, text: str) -> int:
        """Code of one text."""
        at = int(self.values.search_sorted(text))
        return at if at < len(self.values) and self.values[at] == text else UNSEEN

    def decode(self, codes: Ints) -> pl.Series:
        """Text of every code; null for negative codes."""
        index = pl.Series(codes, dtype=pl.Int64)
        return self.values.gather(index.set(index < 0, None))


def pack(first: Ints, second: Ints, width: int) -> Ints:
    """Two codes in one int64; negative where either is (no value, no group)."""
    both: Ints = first * width + second
    return np.where((first < 0) | (second < 0), UNSEEN, both)


def sampled_rows(batch: Batch, most: int, seed: int) -> Batch:
    """At most about `most` rows, chosen by their content: the same rows in any row order."""
    if len(batch) <= most:
        return batch
    share = int(most / len(batch) * 2**32)
    chosen = (batch.frame.hash_rows(seed) % 2**32 < share).arg_true()
    return Batch(batch.table, batch.frame[chosen], batch.row.gather(chosen), batch.decimal_comma)


def likeness(old: pl.Series, new: pl.Series) -> pl.Series:
    """Normalised edit similarity, in [0, 1], computed once per distinct pair."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    pairs = pl.DataFrame({"old": old, "new": new})
    distinct = pairs.unique().drop_nulls()
    alike = cpdist(distinct["old"].to_list(), distinct["new"].to_list(), scorer=OSA.normalized_similarity)
    known = distinct.with_columns(likeness=pl.Series(alike, dtype=pl.Float64))
    joined = pairs.join(known, on=["old", "new"], how="left", maintain_order="left")
    return joined["likeness"].fill_null(0.0)
