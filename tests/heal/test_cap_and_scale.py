import numpy as np
import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, concat
from kintsu.detect.contextual import Contextual
from kintsu.detect.outlier_numeric import NumericOutlier
from kintsu.heal.cap import Cap
from kintsu.heal.scale import UndoScale
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_healer

RNG = np.random.default_rng(0)
MEDIAN = RNG.lognormal(3, 1, 60)
ARTICLE = RNG.integers(0, 60, 3000)
PRICE = np.round(MEDIAN[ARTICLE] * RNG.lognormal(0, 0.05, 3000), 2)


def made(options=None, **columns):
    frame = pl.DataFrame({k: pl.Series([None if x is None else str(x) for x in v]) for k, v in columns.items()})
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table, options=options)


def found(batch, reference):
    parts = [d.find(batch, d.train(reference), reference) for d in (NumericOutlier(), Contextual())]
    return concat(parts, FINDINGS)


def healed(healer, batch, reference):
    findings = found(batch, reference)
    recipes, proposed = healer.propose(batch, findings, healer.train(reference), reference)
    check_healer(healer, batch, findings, reference)
    return recipes, proposed.sort("row")


def shop(**changes):
    price = [f"{x:.2f}" for x in PRICE]
    for row, factor in changes.items():
        i = int(row[1:])
        price[i] = f"{PRICE[i] * factor:.2f}"
    return {"article": [f"a{i}" for i in ARTICLE], "price": price}


def test_factors_of_ten_and_signs_are_undone_exactly():
    batch, reference = made(**shop(r10=10, r20=100, r30=1000, r40=-1, r50=-1, r60=-1))
    _, proposed = healed(UndoScale(), batch, reference)
    truth = [f"{PRICE[i]:.2f}" for i in (10, 20, 30, 40, 50, 60)]
    assert proposed["new"].to_list() == truth
    assert proposed["score"].is_between(0.5, 0.97).all()


def test_nothing_is_proposed_for_a_clean_table():
    batch, reference = made(**shop())
    assert healed(UndoScale(), batch, reference)[1].is_empty()
    assert healed(Cap(), batch, reference)[1].is_empty()


def test_doubled_digits_are_written_once():
    scale = np.random.default_rng(1).integers(1, 11, 500).tolist()
    batch, reference = made(rating=[*scale, 11, 22, 33, 55, 11])
    assert healed(UndoScale(), batch, reference)[1]["new"].to_list() == ["1", "2", "3", "5", "1"]


@pytest.mark.parametrize("cap", [True, "winsorise"])
def test_capping_pulls_outliers_to_the_nearest_end(cap):
    batch, reference = made({"cap": cap}, **shop(r30=100_000, r40=-1))
    recipes, proposed = healed(Cap(), batch, reference)
    assert proposed["row"].to_list() == [30, 40]
    assert float(proposed["new"][0]) < float(proposed["old"][0])
    assert 0 <= float(proposed["new"][1]) < np.median(PRICE)
    assert recipes[0].nature == "capping"
