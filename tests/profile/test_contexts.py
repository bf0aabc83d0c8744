"""What a number should be, given its group: how many groups are tried."""

from __future__ import annotations

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.profile import contexts as room
from kintsu.profile.build import reference_of
from kintsu.profile.reference import LocalReference


def _reference(groups: int, measures: int) -> LocalReference:
    draw = np.random.default_rng(0)
    batch = Batch.of(
        pl.DataFrame(
            {f"g{n}": draw.choice(["a", "b", "c"], 120) for n in range(groups)}
            | {f"m{n}": np.round(draw.normal(50, 5, 120), 2) for n in range(measures)}
        )
    )
    return reference_of(lambda _: iter([batch]), batch.table)


def test_pairs_of_numbers_and_groups_are_bounded() -> None:
    measures = 30
    tried = room._groupings(_reference(400, measures), [f"m{n}" for n in range(measures)])
    assert 0 < len(tried) * measures <= room._PAIRS


def test_tables_of_usual_width_try_every_group() -> None:
    reference = _reference(6, 4)
    assert room._groupings(reference, [f"m{n}" for n in range(4)]) == [f"g{n}" for n in range(6)]
