"""A change is finished values, nothing else. `apply` is the only writer of frames, and its inverse is the undo.

Files have the same law in their own bytes: see `Table.patch`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kintsu.core.errors import StaleRepair
from kintsu.core.frames import Schema

__all__ = ["EDITS", "apply", "invert"]

EDITS: Final[Schema] = {
    "row": pl.Int64,  # position counted over kept, dropped *and* added records, so that inverting keeps the numbers
    "column": pl.String,  # null for whole rows
    "edit": pl.String,  # set, drop, add, cast
    "old": pl.String,  # null: the cell was null
    "new": pl.String,  # null: the cell becomes null
    "old_raw": pl.Binary,  # exact bytes of the field (set) or of the record with its line end (drop, add); else null
    "new_raw": pl.Binary,
}


def invert(edits: pl.DataFrame) -> pl.DataFrame:
    """The edits that take these back: old and new swapped, a dropped row added, an added row dropped."""
    swap = {"drop": "add", "add": "drop"}
    return edits.rename({"old": "new", "new": "old", "old_raw": "new_raw", "new_raw": "old_raw"}).select(
        pl.col(name) if name != "edit" else pl.col("edit").replace(swap) for name in EDITS
    )


def apply(texts: pl.DataFrame, edits: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Apply `set` edits to a frame of text columns that has its row identity in `__row`.

    Returns the new frame and the inverse edits. Edits of rows that are not in this frame are ignored (they belong to
    other batches). Every old value is checked first: null and "" are different, and so are "1" and "1.0".

    Raises
    ------
    StaleRepair
        A cell does not hold the expected old value; the frame that was handed in is untouched.
    """
    chosen = edits.filter((pl.col("edit") == "set") & pl.col("row").is_in(texts["__row"].implode()))
    result = texts
    for (column,), part in chosen.group_by("column"):
        name = str(column)
        fresh = part.select(pl.col("row").alias("__row"), "old", "new", pl.lit(True).alias("__hit"))
        joined = texts.select("__row", name).join(fresh, on="__row", how="left", maintain_order="left")
        hit = joined["__hit"].fill_null(False)
        stale = joined.filter(hit & ~joined[name].eq_missing(joined["old"]))
        if len(stale):
            row, found, expected = stale["__row"][0], stale[name][0], stale["old"][0]
            raise StaleRepair(
                f"{name}, row {row}: expected {expected!r} but found {found!r}. "
                "The data changed after the repair was proposed: propose again."
            )
        mended = joined.select(pl.when(hit).then("new").otherwise(name).alias(name)).to_series()
        result = result.with_columns(mended)
    return result, invert(chosen)
