"""A frozen reference keeps facts and choices, and says plainly that the rows are gone."""

import polars as pl
import pytest

from kintsu.core.batch import Batch, TableRef
from kintsu.profile.build import reference_of
from kintsu.profile.frozen import RowsNeeded, frozen

ROWS = Batch.of(pl.DataFrame({"city": ["Berlin", "Bonn", "Bonn"]}), "towns")
KEPT = frozen(reference_of(lambda _: iter([ROWS]), TableRef("towns"), seed=3, options={"keys": ("city",)}))


def test_facts_and_choices_stay():
    assert (KEPT.columns, KEPT.rows, KEPT.seed) == (("city",), 3, 3)
    assert KEPT.column("city").distinct == 2
    assert KEPT.option("keys") == ("city",)
    assert KEPT.option("order_column") is None
    assert not KEPT.is_exact("city")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: KEPT.sample,
        lambda: KEPT.values("city"),
        lambda: KEPT.counts(("city",)),
        lambda: list(KEPT.scan(["city"])),
    ],
    ids=["sample", "values", "counts", "scan"],
)
def test_asking_for_rows_is_told_as_what_it_is(ask):
    with pytest.raises(RowsNeeded, match="of towns were asked for, and a treatment that is replayed has no rows"):
        ask()
