import numpy as np
import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.detect._kernels import fit_ecdf, fit_histograms, fit_tail_scale
from kintsu.detect.multivariate import DEFAULT, METHODS, Multivariate, fit_rows
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector


def people(n=600, seed=0):
    rng = np.random.default_rng(seed)
    height = rng.normal(170, 10, n)
    return pl.DataFrame(
        {
            "height": height.round(1),
            "weight": (height - 100 + rng.normal(0, 5, n)).round(1),
            "shoe": (height / 4 + rng.normal(0, 1, n)).round(1),
            "hand": rng.choice(["left", "right"], n, p=[0.1, 0.9]),
        }
    )


def made(frame, **options):
    frame = frame.select(pl.all().cast(pl.String))
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table, options=options)


def found(batch, reference):
    detector = Multivariate()
    return detector.find(batch, detector.train(reference), reference)


def test_a_row_that_is_odd_in_several_columns_is_named_with_a_guilty_cell():
    odd = pl.DataFrame({"height": [215.0], "weight": [20.0], "shoe": [60.0], "hand": ["left"]})
    result = found(*made(pl.concat([people(), odd])))
    assert 600 in result["row"].to_list()
    assert result.filter(pl.col("row") == 600)["column"][0] in {"height", "weight", "shoe"}
    assert len(result) <= 3


def test_clean_rows_are_hardly_ever_named():
    assert len(found(*made(people(3000)))) <= 3


def test_keeps_the_detector_contract():
    odd = pl.DataFrame({"height": [215.0, None], "weight": [20.0, 1.0], "shoe": [60.0, None], "hand": ["left", None]})
    check_detector(Multivariate(), *made(pl.concat([people(300), odd])))


@pytest.mark.parametrize("n", [0, 1, 50])
def test_small_tables_say_nothing(n):
    assert found(*made(people(n))).is_empty()


def test_other_methods_can_be_chosen_and_unknown_ones_are_refused():
    reference = made(people(300), multivariate=METHODS)[1]
    assert set(Multivariate().train(reference).rows.costly) == {
        "isolation_forest",
        "neighbours",
        "lof",
        "one_class_svm",
    }
    with pytest.raises(UsageError, match="known: isolation_forest"):
        Multivariate().train(made(people(300), multivariate=["magic"])[1])


def test_the_mean_of_methods_ranks_planted_rows_first():
    rng = np.random.default_rng(0)
    x = np.vstack([rng.normal(0, 1, (1000, 5)), rng.normal(0, 4, (20, 5))])
    score = fit_rows(x, DEFAULT).score(x)
    rank = np.argsort(-score)
    assert (rank[:20] >= 1000).mean() >= 0.8


def test_ecod_is_the_larger_tail_sum_worked_by_hand():
    # five known values; 9 lies above all: p_right = 1/7, p_left = 6/7
    model = fit_ecdf(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    assert model.score(np.array([[9.0]]))[0] == pytest.approx(np.log(7))
    assert model.cells(np.array([[np.nan]]))[0, 0] == 0


def test_hbos_is_log_of_the_inverse_height():
    x = np.repeat([0.0, 1.0], [90, 10])[:, None]
    model = fit_histograms(x, bins=2)
    assert model.score(np.array([[0.0], [1.0]])).tolist() == pytest.approx([0.0, np.log(9)])


def test_surprise_rises_with_the_score_and_is_never_negative():
    scale = fit_tail_scale(np.random.default_rng(0).exponential(1, 1000))
    got = scale.surprise(np.linspace(-1, 30, 200))
    assert (np.diff(got) >= -1e-9).all() and got[0] >= 0 and got[-1] > 20
