"""A smaller sample, chosen and ordered by content: the same rows in any row order."""

from __future__ import annotations

import polars as pl

from kintsu.core.batch import Batch

__all__ = ["subsample"]


def subsample(batch: Batch, size: int, *, seed: int = 0) -> Batch:
    """At most `size` rows of a batch, those with the smallest content hashes, in the order of the hashes.

    Equal rows have equal hashes and are interchangeable, so that nothing learned from the result depends on the order
    of the rows.
    """
    if not batch.frame.width or not len(batch):
        return batch
    plain = [series if not series.dtype.is_nested() else batch[series.name].text for series in batch.frame]
    hashes = pl.DataFrame(plain).hash_rows(seed=seed)
    index = hashes.arg_sort()[:size]
    return Batch(batch.table, batch.frame[index], batch.row.gather(index), batch.decimal_comma)
