"""A batch that alarmed is mended: what is safe at once, what is not when asked for; always judged again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kintsu.core.errors import OutputError, UsageError
from kintsu.monitor.judge import judge, learn_batches
from kintsu.monitor.measure import measure
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.mend_batch import mend_batch, mend_frame

START = datetime(2026, 1, 5, tzinfo=UTC)
CITIES = ["Lyon", "Paris", "Nice", "Lille", "Rennes"]


def frame(day, rows=300):
    rng = np.random.default_rng(day)
    return pl.DataFrame(
        {
            "id": [f"c-{i:04}" for i in rng.permutation(1000)[:rows]],
            "weight": rng.normal(70, 9, rows).round(1),
            "city": rng.choice(CITIES, rows),
            "phone": [f"+33 {n}" for n in rng.integers(10**8, 10**9, rows)],
        }
    )


def due(day):
    return START + timedelta(days=day + 1)


@pytest.fixture(scope="module")
def baseline():
    return learn_batches([measure(frame(day), due=due(day)) for day in range(20)])


def mended(baseline, batch, good=None, **options):
    def weigh(rows):
        metrics = measure(rows, due=due(20))
        return metrics, judge(baseline, metrics)

    return mend_frame(baseline, batch, weigh, good=frame(19) if good is None else good, **options)


def test_a_good_batch_is_left_alone(baseline):
    done = mended(baseline, frame(20))
    assert done.action == "none" and done.tried == ()
    assert_frame_equal(done.frame, frame(20))


def test_a_renamed_column_gets_its_name_back(baseline):
    done = mended(baseline, frame(20).rename({"city": "town", "weight": "kg"}))
    assert done.action == "mended" and not done.validated.alarm
    assert_frame_equal(done.frame, frame(20))
    assert [(each.remedy.action, each.outcome) for each in done.tried] == [("rename", "applied")] * 2


@pytest.mark.parametrize(("factor", "offset"), [(0.45359237, 0), (1000, 0), (0.01, 0), (1.8, 32), (1 / 2.54, 0)])
def test_a_change_of_unit_is_undone_when_asked_for(baseline, factor, offset):
    wrong = frame(20).with_columns(pl.col("weight") * factor + offset)
    suggested = mended(baseline, wrong)
    assert suggested.action == "suggested" and "rescale" in suggested.message
    assert_frame_equal(suggested.frame, wrong)
    done = mended(baseline, wrong, allow=["rescale"])
    assert done.action == "mended"
    assert (done.frame["weight"] - frame(20)["weight"]).abs().max() < 1e-9 * factor + 1e-9


def test_a_shift_that_is_no_unit_is_no_factor(baseline):
    done = mended(baseline, frame(20).with_columns(pl.col("weight") * 1.31), allow=["rescale"])
    assert done.action == "held" and {each.remedy.action for each in done.tried} == {"retrain", "hold"}


def test_numbers_that_came_as_text_become_numbers(baseline):
    text = pl.when(pl.int_range(pl.len()) % 100 == 0).then(pl.lit("n/a")).otherwise(pl.col("weight").cast(pl.String))
    done = mended(baseline, frame(20).with_columns(text.alias("weight")), allow=["cast"])
    assert done.frame["weight"].dtype == pl.Float64 and done.frame["weight"].null_count() == 3
    assert done.detected.issue == "type_mismatch" and done.validated.issue != "type_mismatch"


def test_empty_cells_come_back_from_the_last_good_batch(baseline):
    good = frame(19)
    same = good.with_columns(weight=pl.col("weight") + 0.1)
    flooded = same.with_columns(city=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("city"))
    done = mended(baseline, flooded, good, allow=["last_good"])
    assert done.action == "mended" and done.tried[0].remedy.parameters == {"key": "id"}
    assert done.frame["city"].to_list() == good["city"].to_list()
    assert done.tried[0].changed == 100


def test_rows_without_a_value_go_to_quarantine_and_none_is_lost(baseline):
    flooded = frame(20).with_columns(phone=pl.when(pl.int_range(pl.len()) % 12 == 0).then(None).otherwise("phone"))
    done = mended(baseline, flooded, allow=["quarantine"])
    assert done.quarantined["phone"].null_count() == done.quarantined.height == 25
    assert sorted([*done.frame["id"], *done.quarantined["id"]]) == sorted(flooded["id"])


def test_repeated_rows_go_and_the_rest_keeps_its_order(baseline):
    doubled = pl.concat([frame(20), frame(20)[:60]])
    assert mended(baseline, doubled).action == "suggested"
    done = mended(baseline, doubled, allow=["drop_duplicates"])
    assert done.action == "mended" and done.quarantined.height == 60
    assert_frame_equal(done.frame, frame(20))


def test_values_in_another_spelling_become_the_known_ones(baseline):
    wrong = pl.when(pl.int_range(pl.len()) % 5 == 0).then(" " + pl.col("city").str.to_uppercase() + " ")
    done = mended(baseline, frame(20).with_columns(wrong.otherwise("city").alias("city")), allow=["respell"])
    assert done.detected.issue == "pattern" and done.action == "mended"
    assert done.frame["city"].to_list() == frame(20)["city"].to_list()


def test_half_a_batch_is_held(baseline):
    done = mended(baseline, frame(20)[:90])
    assert done.action == "held" and done.tried[0].remedy.action == "hold"


def test_two_faults_are_mended_one_after_the_other(baseline):
    wrong = pl.concat([frame(20), frame(20)[:80]]).rename({"city": "town"})
    done = mended(baseline, wrong, allow=["drop_duplicates"])
    assert done.action == "mended" and [each.remedy.action for each in done.tried] == ["rename", "drop_duplicates"]


def test_what_cannot_be_applied_is_refused(baseline):
    with pytest.raises(UsageError, match="no action 'hold'"):
        mended(baseline, frame(20), allow=["hold"])


def test_a_mended_batch_is_written_beside_and_remembered(tmp_path):
    folder, home, out = tmp_path / "in", tmp_path / "store", tmp_path / "mended.csv"
    folder.mkdir()
    for day in range(12):
        frame(day).write_csv(folder / f"c-{(START + timedelta(days=day)):%Y-%m-%d}.csv")
    watching.add("customers", MonitorSettings(str(folder)), home=home)
    watching.backfill("customers", home=home, now=due(30))
    bad = folder / f"c-{(START + timedelta(days=12)):%Y-%m-%d}.csv"
    frame(12).rename({"city": "town"}).write_csv(bad)
    before = bad.read_bytes()
    assert watching.run(home=home, now=due(30))[0].alarm
    done = mend_batch("customers", bad.name, home=home, out=out, by="ann", now=due(30))
    assert done.action == "mended" and bad.read_bytes() == before
    assert out.read_bytes() == before.replace(b"town", b"city", 1)  # cells that nobody touched are as they were
    (told,) = watching.status(home=home)
    assert told.recovery == 1.0 and told.acceptance is None
    with pytest.raises(OutputError, match="exists already"):
        mend_batch("customers", bad.name, home=home, out=out, now=due(30))
    with pytest.raises(UsageError, match="was never judged"):
        mend_batch("customers", "c-2026-12-24.csv", home=home, now=due(30))
