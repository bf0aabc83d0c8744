import warnings

import numpy as np
import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.frames import findings
from kintsu.heal.fillers import boosted
from kintsu.heal.fillers.best import best_fillers
from kintsu.heal.impute_knn import ImputeKnn
from kintsu.heal.impute_model import ImputeModel
from kintsu.heal.impute_simple import ImputeSimple
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_healer

HEALERS = [ImputeSimple, ImputeKnn, ImputeModel]


def table(n=900, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, n), rng.normal(0, 1, n)
    colour = np.where(a + 0.1 * rng.normal(0, 1, n) > 0, "red", "blue")
    frame = pl.DataFrame(
        {
            "a": pl.Series(a.round(2)).cast(pl.String),
            "b": pl.Series(b.round(2)).cast(pl.String),
            "sum": pl.Series((10 * a + 10 * b).round()).cast(pl.Int64).cast(pl.String),
            "colour": colour.tolist(),
        }
    )
    hole = pl.Series(rng.random(n) < 0.05)
    return frame, frame.with_columns(
        pl.when(hole).then(None).otherwise("sum").alias("sum"),
        pl.when(hole.shift(1, fill_value=False)).then(None).otherwise("colour").alias("colour"),
    )


def made(frame, **options):
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    found = pl.concat(
        findings(
            pl.DataFrame({"row": batch.row.filter(frame[name].is_null()), "score": 1.0}),
            detector="missing",
            kind="missing",
            column=name,
        )
        for name in frame.columns
        if frame[name].null_count()
    )
    return batch, reference_of(scan, batch.table, options=options), found


def proposals(batch, reference, found):
    return pl.concat(h().propose(batch, found, h().train(reference), reference)[1] for h in HEALERS)


@pytest.mark.parametrize("impute", [False, True])
@pytest.mark.parametrize("healer", HEALERS)
def test_keeps_the_healer_contract(healer, impute):
    batch, reference, found = made(table(300)[1], impute=impute)
    check_healer(healer(), batch, found, reference)


def test_unasked_there_is_one_cheap_suggestion_per_missing_cell():
    batch, reference, found = made(table()[1])
    proposed = proposals(batch, reference, found)
    assert set(proposed["healer"]) == {"impute_simple"}
    assert len(proposed) == len(found) == len(proposed.unique(["row", "column"]))


def test_asked_for_a_better_filler_than_the_mode_is_chosen_and_its_score_is_honest():
    clean, frame = table(2500)
    batch, reference, found = made(frame, impute=True)
    proposed = proposals(batch, reference, found)
    assert len(proposed) == len(found)
    colour = proposed.filter(pl.col("column") == "colour")
    right = colour["new"] == clean["colour"].gather(colour["row"])
    assert right.mean() > 0.9
    assert abs(right.mean() - colour["score"].mean()) < 0.06
    total = proposed.filter(pl.col("column") == "sum")
    assert not total["new"].str.contains(".", literal=True).any()  # integers stay integers
    off = (total["new"].cast(pl.Float64) - clean["sum"].cast(pl.Float64).gather(total["row"])).abs()
    assert off.mean() < 2


def test_without_lightgbm_the_other_boosting_does_it(monkeypatch):
    monkeypatch.setattr(boosted, "_lightgbm", lambda: None)
    _, reference, _ = made(table(500)[1], impute=True)
    assert best_fillers(reference)["sum"][0] in {"model", "knn"}


def test_a_lightgbm_that_cannot_be_loaded_is_said_once(monkeypatch):
    import builtins

    real = builtins.__import__

    def broken(name, *rest):
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest)

    boosted._lightgbm.cache_clear()
    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.warns(UserWarning, match="libgomp"):
        assert boosted._lightgbm() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert boosted._lightgbm() is None
    boosted._lightgbm.cache_clear()


def test_group_medians_fill_what_a_group_knows():
    rng = np.random.default_rng(0)
    price = rng.lognormal(3, 1, 30)
    article = rng.integers(0, 30, 900)
    frame = pl.DataFrame(
        {
            "article": [f"a{i}" for i in article],
            "price": [None if i % 40 == 0 else f"{price[a]:.2f}" for i, a in enumerate(article)],
        }
    ).with_columns(pl.col("price"))
    noisy = frame.with_columns(
        (pl.col("price").cast(pl.Float64) * pl.Series(rng.lognormal(0, 0.02, 900))).round(2).cast(pl.String)
    )
    batch, reference, found = made(noisy)
    proposed = proposals(batch, reference, found)
    off = np.abs(np.log(proposed["new"].cast(pl.Float64).to_numpy() / price[article[proposed["row"].to_numpy()]]))
    assert off.max() < 0.05
