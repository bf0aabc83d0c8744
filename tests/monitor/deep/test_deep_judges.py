"""Networks that judge batches find what they are for, and are switched on only where they win."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import MergeError, MissingExtra
from kintsu.monitor.deep.autoencoder import RowAutoencoder
from kintsu.monitor.deep.choose import choose
from kintsu.monitor.deep.rows import code_rows
from kintsu.monitor.deep.sequence import BatchSequence


def batch(day: int, rows: int = 250) -> pl.DataFrame:
    """Orders of a day: `area` follows from `city`, `total` from `quantity`; every third day most are returned."""
    rng = np.random.default_rng([5, day])
    city = rng.choice(["Lyon", "Paris", "Nice", "Lille"], rows)
    quantity = rng.integers(1, 6, rows)
    back = 0.6 if day % 3 == 0 else 0.2
    return pl.DataFrame(
        {
            "city": city,
            "area": pl.Series(city).replace_strict({"Lyon": "69", "Paris": "75", "Nice": "06", "Lille": "59"}),
            "quantity": quantity,
            "total": np.round(quantity * 10 + rng.normal(0, 1, rows), 2),
            "status": rng.choice(["returned", "kept"], rows, p=[back, 1 - back]),
            "code": [f"A-{k}" for k in rng.integers(0, 9_999, rows)],
        }
    )


HISTORY = [batch(day) for day in range(30)]


@pytest.fixture(scope="module")
def autoencoder() -> RowAutoencoder:
    pytest.importorskip("torch")
    return RowAutoencoder().fit(HISTORY)


@pytest.fixture(scope="module")
def sequence() -> BatchSequence:
    pytest.importorskip("torch")
    return BatchSequence().fit(HISTORY)


@pytest.mark.parametrize("column", ["area", "total"])
def test_the_autoencoder_sees_that_columns_no_longer_go_together(autoencoder, column):
    clean = [autoencoder.score(batch(day)).score for day in range(30, 40)]
    broken = autoencoder.score(batch(41).with_columns(pl.col(column).shuffle(seed=1)))
    assert broken.score > 3 * max(clean)
    assert broken.columns[0] in {"area": ("city", "area"), "total": ("quantity", "total")}[column]


def test_the_sequence_sees_a_day_that_comes_out_of_turn(sequence):
    in_turn, out_of_turn = sequence.score(batch(30)), sequence.score(batch(31))
    assert out_of_turn.score > 2 * in_turn.score
    assert out_of_turn.columns[0] == "status"


@pytest.mark.parametrize("judge", ["autoencoder", "sequence"])
def test_judges_are_saved_without_pickle_and_score_alike(judge, request):
    fitted = request.getfixturevalue(judge)
    data = fitted.to_bytes()
    read = type(fitted).from_bytes(data)
    assert read.to_bytes() == data
    assert read.score(batch(30)) == fitted.score(batch(30))
    assert data.startswith(b'{"summary"') and b"torch" not in data
    with pytest.raises(MergeError, match="version"):
        type(fitted).from_bytes(data.replace(b'"version": 1', b'"version": 2', 1))


@pytest.mark.parametrize("judge", ["autoencoder", "sequence"])
def test_the_order_of_rows_and_a_second_fit_change_nothing(judge, request):
    fitted = request.getfixturevalue(judge)
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=1) for frame in HISTORY]
    again = type(fitted)().fit(shuffled)
    assert again.score(batch(30)).score == pytest.approx(fitted.score(batch(30)).score, rel=1e-6)


@pytest.mark.parametrize("kind", [RowAutoencoder, BatchSequence])
def test_little_or_odd_history_gives_no_score_and_no_error(kind):
    pytest.importorskip("torch")
    assert kind().fit(HISTORY[:2]).score(batch(3)).score == 0.0
    odd = pl.DataFrame({"v": [None, None], "w": [[1], [2]], "x": [1.0, None]})
    for history in ([odd] * 15, [frame.head(0) for frame in HISTORY]):
        assert np.isfinite(kind().fit(history).score(odd).score)
    fitted = kind().fit(HISTORY)
    for other in (odd, batch(30).head(0), batch(30).drop("city"), batch(30).with_columns(total=pl.lit("x"))):
        assert np.isfinite(fitted.score(other).score)


def test_without_torch_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for kind in (RowAutoencoder, BatchSequence):
        with pytest.raises(MissingExtra, match=r"pip install 'kintsu\[deep\]'"):
            kind().fit(HISTORY)


def test_importing_the_judges_does_not_import_torch():
    code = "import sys, kintsu.monitor.deep.autoencoder, kintsu.monitor.deep.sequence; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_text_with_many_values_is_coded_by_its_patterns():
    codes = code_rows(HISTORY)
    assert codes.kinds["code"] == "pattern" and codes.values["code"] == ["A-9"]
    assert codes.kinds["city"] == "value" and codes.kinds["total"] == "number"
    assert codes.encode(pl.DataFrame({"code": ["A-17", "b", None]}))[:, codes.names.index("code")].tolist() == [2, 1, 0]


STEPS = np.repeat(np.arange(40), 3)
IS_DAMAGED = np.tile([False, True, True], 40)
RNG = np.random.default_rng(0)


def choice(score: np.ndarray, is_alarmed: np.ndarray | None = None):
    alarmed = np.zeros(len(STEPS), dtype=bool) if is_alarmed is None else is_alarmed
    return choose({"judge": score}, IS_DAMAGED, alarmed, STEPS)[0]


def test_a_judge_that_finds_more_without_false_alarms_is_chosen():
    found = choice(IS_DAMAGED * 8.0 + RNG.random(120))
    assert found.is_chosen
    assert (found.false_alarms, found.recall) == ((0.0, 0.0), (0.0, 1.0))
    assert 1 < found.threshold < 8


def test_a_judge_that_adds_false_alarms_stays_off():
    late_noise = np.where((STEPS == 35) & ~IS_DAMAGED, 9.0, 0.0)
    assert not choice(IS_DAMAGED * 8.0 + RNG.random(120) + late_noise).is_chosen


def test_a_judge_that_finds_only_what_is_found_already_stays_off():
    found = choice(IS_DAMAGED * 8.0 + RNG.random(120), is_alarmed=IS_DAMAGED)
    assert not found.is_chosen and found.recall == (1.0, 1.0)


def test_of_two_judges_that_find_the_same_one_is_chosen():
    score = IS_DAMAGED * 8.0 + RNG.random(120)
    nobody = np.zeros(len(STEPS), dtype=bool)
    assert [c.is_chosen for c in choose({"a": score, "b": score}, IS_DAMAGED, nobody, STEPS)] == [True, False]


@given(st.integers(0, 2**32 - 1))
def test_guessing_adds_no_false_alarm_when_it_is_chosen(seed):
    found = choice(np.random.default_rng(seed).normal(size=120))
    assert found.false_alarms[1] == 0 or not found.is_chosen
    assert found.p > 0.0


def test_guesses_are_hardly_ever_chosen():
    chosen = [choice(np.random.default_rng(seed).normal(size=120)).is_chosen for seed in range(300)]
    assert np.mean(chosen) < 0.05


def test_too_few_clean_cases_choose_nothing():
    few = np.arange(6)
    is_damaged = few % 2 == 1
    assert not choose({"j": is_damaged * 9.0}, is_damaged, np.zeros(6, dtype=bool), few)[0].is_chosen
