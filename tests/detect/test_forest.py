import numpy as np
import pytest

from kintsu.detect._forest import _expected, fit_forest


def test_expected_paths_are_those_of_the_paper():
    # c(256) of Liu, Ting and Zhou, equation 1: 2 (ln 255 + 0.5772) - 2 * 255 / 256
    assert _expected(np.array([0, 1, 2, 256])) == pytest.approx([0, 0, 1, 10.2448], abs=1e-4)


def test_two_rows_are_parted_by_the_first_cut_of_every_tree():
    x = np.array([[0.0, 5.0], [1.0, 5.0]])
    # path 1 of an expected 1: two to the power of -1
    assert fit_forest(x, 0).score(x).tolist() == [0.5, 0.5]


def test_equal_rows_are_never_parted_and_score_as_usual():
    x = np.ones((300, 3))
    assert fit_forest(x, 0).score(x) == pytest.approx(np.full(300, 0.5))


def test_a_far_row_scores_highest_and_the_same_seed_scores_the_same():
    x = np.vstack([np.random.default_rng(1).normal(size=(999, 4)), np.full((1, 4), 6.0)])
    score = fit_forest(x, 7).score(x)
    assert score.argmax() == 999 and score[-1] > 0.7
    assert (fit_forest(x, 7).score(x) == score).all() and (fit_forest(x, 8).score(x) != score).any()


def test_scores_agree_with_another_implementation():
    from sklearn.ensemble import IsolationForest

    x = np.random.default_rng(2).standard_t(3, (2000, 5))
    theirs = -IsolationForest(n_estimators=100, max_samples=256, random_state=0, n_jobs=1).fit(x).score_samples(x)
    ours = fit_forest(x, 0).score(x)
    # loose: trees are random
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.02)


def test_no_rows_have_no_scores():
    assert fit_forest(np.ones((10, 2)), 0).score(np.ones((0, 2))).shape == (0,)
