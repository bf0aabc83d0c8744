"""How likely a repair is at most, where several sources report the cell: as likely as the value that it writes."""

from __future__ import annotations

import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.rules.discover.sources import claimed
from kintsu.rules.source_model import SourceModel, mended

__all__ = ["LIMITS", "limits"]

LIMITS = {"row": pl.Int64, "column": pl.String, "new": pl.String, "most": pl.Float64}


def limits(batch: Batch, repairs: pl.DataFrame, model: SourceModel) -> pl.DataFrame:
    """One line (schema `LIMITS`) per value that a repair writes into a reported cell.

    A cell that is written as the others are still says what its source says: `most` is the probability of that claim.
    A value that no source claims is what this source meant, or none of what they say.
    """
    parts = [pl.DataFrame(schema=LIMITS)]
    entity = model.reports.entity if model.reports is not None else ""
    for known in model.columns if entity in batch.columns else ():
        written = repairs.filter((pl.col("column") == known.column) & pl.col("new").is_not_null())
        told = written.select("row", "column", "new").unique()
        if not len(told) or known.column not in batch.columns:
            continue
        cells = pl.DataFrame(
            {
                "row": batch.row,
                "entity": claimed(batch[entity]),
                "own": claimed(mended(batch[known.column], known.mends)),
            }
        )
        said = told.with_columns(said=claimed(mended(Column(told["new"]), known.mends)))
        share = known.beliefs.select("entity", "said", "belief")
        options = known.options.select("entity", pl.col("claim").alias("said"), "score")
        whole = share.group_by("entity").agg(whole=pl.col("belief").sum())
        joined = (
            said.join(cells, on="row", how="inner")
            .join(whole, on="entity", how="inner")
            .join(share, on=["entity", "said"], how="left")
            .join(options, on=["entity", "said"], how="left")
            .join(share.rename({"said": "own", "belief": "meant"}), on=["entity", "own"], how="left")
        )
        unheard = (1 - pl.col("whole") + pl.col("meant").fill_null(0.0)).clip(0, 1)
        parts.append(joined.select("row", "column", "new", most=pl.coalesce("score", "belief", unheard)))
    return pl.concat([part.cast(LIMITS) for part in parts])  # type: ignore[arg-type]
