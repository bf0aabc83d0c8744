"""Pictures of a watched table: plain data first, and a page that is drawn from it."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kintsu.core.errors import OutputError
from kintsu.diagnose.report.watched import calendar_svg, course_svg, render
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.pictures import bands, expected, picture, report

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    for day in range(20):
        rng = np.random.default_rng(day)
        frame = pl.DataFrame(
            {
                "price": rng.lognormal(3, 0.5, 120).round(2),
                "city <b>": rng.choice(["Lyon", "Nice", "<script>"], 120),
                "note": [None if day == 18 and i % 3 == 0 else f"n{i}" for i in range(120)],
            }
        )
        frame.write_csv(folder / f"orders-{(START + timedelta(days=day)):%Y-%m-%d}.csv")
    watching.add("orders", MonitorSettings(str(folder / "*.csv")), home=folder)
    watching.backfill("orders", home=folder, now=START + timedelta(days=30))
    return folder


def test_the_data_of_the_pictures_is_plain_and_tells_the_alarm(home):
    data = picture("orders", home=home, now=START)
    assert json.loads(json.dumps(data)) == data
    assert data["n_batches"] == 20 and len(data["waiting"]) == 1
    assert data["alarms"][0]["columns"][0] == "note" and data["alarms"][0]["state"] == "held"
    assert [day["state"] for day in data["calendar"]].index("held") == 18
    course = {each["fact"]: each["points"] for each in data["courses"]}
    assert next(iter(course)) == "rows" and course["completeness:note"][18]["value"] == pytest.approx(2 / 3)
    assert course["completeness:note"][18]["low"] > 0.9 and course["completeness:note"][19]["low"] > 0.9
    assert course["rows"][0]["low"] is None
    assert {each["column"] for each in data["distributions"]} == {"price", "city <b>", "note"}
    chosen = picture("orders", facts=["mean:price"], days=5, home=home)["courses"]
    assert [each["fact"] for each in chosen] == ["mean:price"] and len(chosen[0]["points"]) == 5


def test_what_was_expected_is_the_same_for_the_whole_course_and_for_its_end(home):
    facts = ["rows", "completeness:note", "mean:price", "unknown"]
    course = watching.trend("orders", facts[:3], home=home)
    low, high = expected(course, facts, last=20)
    drawn = {each["fact"]: each["points"] for each in picture("orders", facts=facts[:3], home=home)["courses"]}
    for fact, points in drawn.items():
        assert (low[fact], high[fact]) == ([each["low"] for each in points], [each["high"] for each in points])
    assert list(low) == list(high) == facts[:3]
    assert expected(course, facts, last=3) == tuple({f: told[-3:] for f, told in side.items()} for side in (low, high))
    assert expected(course.clear(), facts, last=0) == ({}, {})


def test_what_was_expected_of_the_scores_of_heals_is_a_score():
    scores = [99.0, 98.0, 99.5, 97.5, 99.0, 98.5, 99.2, 98.1, 60.0, None, 98.8]
    at = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(len(scores))]
    course = pl.DataFrame({"run": [f"r{n}" for n in range(len(scores))], "at": at, "score:overall": scores})
    low, high = (side["score:overall"] for side in expected(course, ["score:overall"], last=len(scores)))
    assert low[:7] == high[:7] == [None] * 7
    assert 90 < low[8] < high[8] == 100 and scores[8] < low[8] and low[10] >= 0


def test_what_was_expected_of_old_batches_is_not_worked_out(home, monkeypatch):
    course = watching.trend("orders", [], home=home)
    (whole,) = expected(course, ["rows"], last=20)[0].values()
    monkeypatch.setattr("kintsu.run.pictures.MOST_EXPECTED", 5)
    assert expected(course, ["rows"], last=20)[0] == {"rows": [None] * 15 + whole[15:]}


def test_the_page_escapes_what_comes_from_the_data_and_runs_no_script(home, tmp_path):
    page = report("orders", tmp_path / "orders.html", home=home).read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and "city &lt;b&gt;" in page
    assert page.count('class="band"') >= 2 and 'class="day held"' in page and "default-src 'none'" in page
    with pytest.raises(OutputError, match="exists already"):
        report("orders", tmp_path / "orders.html", home=home)


def test_a_table_without_batches_has_a_page_too(tmp_path):
    watching.add("orders", MonitorSettings("x.csv"), home=tmp_path)
    assert "No batch has been judged yet" in render(picture("orders", home=tmp_path))


def test_bands_know_only_what_came_before():
    x = np.random.default_rng(0).normal(size=(30, 2))
    low, high = bands(x)
    changed = x.copy()
    changed[20:] += 100
    again = bands(changed)
    np.testing.assert_array_equal(low[:21], again[0][:21])
    assert np.isnan(low[:7]).all() and ((x >= low) & (x <= high))[7:].mean() > 0.9


def test_a_course_with_gaps_is_drawn_in_parts():
    point = {"batch": "b", "at": "2026-01-05", "low": None, "high": None, "state": "learnt"}
    points = [point | {"value": value} for value in (1.0, 2.0, None, 3.0)]
    assert str(course_svg({"fact": "rows", "points": points})).count("<polyline") == 2
    assert str(course_svg({"fact": "rows", "points": [point | {"value": None}]})) == ""
    assert str(calendar_svg([])) == ""
