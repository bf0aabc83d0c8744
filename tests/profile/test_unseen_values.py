"""Values that a reference has not counted are judged each by itself, by what was learned of the column."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch, TableRef
from kintsu.profile.build import reference_of
from kintsu.profile.dates import parse, sure_regex_of
from kintsu.profile.values.judgement import judgement_of
from kintsu.profile.values.unseen import Unseen, frozen_unseen, unseen_of

ROWS = 600


def table() -> pl.DataFrame:
    rng = random.Random(3)
    frame = {
        "amount": [f"{rng.uniform(5, 900):.2f}" for _ in range(ROWS)],
        "count": [str(rng.randint(1, 40)) for _ in range(ROWS)],
        "weight": [f"{rng.randint(1, 90)} kg" for _ in range(ROWS)],
        "day": [f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" for _ in range(ROWS)],
        "code": [f"B{rng.randint(10_000, 99_999)}" for _ in range(ROWS)],
        "zip": [f"0{rng.randint(1000, 9999)}" for _ in range(ROWS)],
        "city": [rng.choice(["Berlin", "Hamburg", "Leipzig", "Dresden", "Köln"]) for _ in range(ROWS)],
        "email": [f"{rng.choice(['anna', 'ben'])}{i}@mail.example" for i in range(ROWS)],
        "note": [" ".join(rng.choice(["please", "ring", "twice", "gift"]) for _ in range(5)) for _ in range(ROWS)],
    }
    made = pl.DataFrame(frame)
    odd = {"amount": "12.50 EUR", "count": "N/A", "day": "03/25/2026", "city": "Hamburgg", "code": "b10000"}
    return made.with_columns(
        pl.when(pl.int_range(pl.len()) < 4).then(pl.lit(new)).otherwise(name).alias(name) for name, new in odd.items()
    )


FRAME = table()
ROW = pl.int_range(ROWS, eager=True).alias("row")
REFERENCE = reference_of(
    lambda columns: iter([Batch(TableRef("made"), FRAME.select(columns or FRAME.columns), ROW)]), TableRef("made")
)
UNSEEN: dict[str, Unseen] = {name: unseen_of(REFERENCE, name) for name in FRAME.columns}
NASTY = (
    *("12.5", "12.50", "12.500", "+12.50", " 7", "7.0", "007", "1e5", "1" + "0" * 400, "12,50", "$12.50", "1.234,50"),
    *("12 kg", "12kg", "5 lbs", "1O.50", "seven", "N/A", "-", "?", "null", "2026-02-30", "2026-1-5", "25.03.2026"),
    *("03/04/2026", "2026-13-01", "20260102", "B1234", "b12345", "B 12345", "BB12345", "B1234S", "X12345", "0123"),
    *("berlin", "BERLIN", "Berlni", " Berlin", "Berlin  ", '"Berlin"', "Berlin!", "K\u00c3\u00b6ln", "Ham burg"),
    *("<b>Berlin</b>", "anna1(at)mail.example", "anna@@mail.example", "\u200bBerlin", "Berlin\ufffd", "Bremen", "\t"),
)
VALUES = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.text("0123456789.,-+ eE/:", max_size=12),
    st.sampled_from([value for name in FRAME.columns for value in FRAME[name].head(30).to_list()]),
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FRAME.columns), st.lists(VALUES, unique=True, max_size=8))
def test_each_value_is_judged_alone(name, values):
    unseen, together = UNSEEN[name], UNSEEN[name].judge(pl.Series(values, dtype=pl.String))
    alone = [unseen.judge(pl.Series([value])) for value in values]
    assert together.rows() == pl.concat([together.clear(), *alone]).sort("value").rows()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FRAME.columns), st.lists(VALUES, unique=True, min_size=1, max_size=30))
def test_no_value_that_would_be_judged_is_let_through(name, values):
    unseen = UNSEEN[name]
    spoken = pl.Series([value for value in values if value.strip()], dtype=pl.String)
    judged = set(unseen._judge(spoken)["value"]) if len(spoken) else set()
    assert judged <= set(unseen.suspects(pl.Series(values)))


@pytest.mark.parametrize(
    ("column", "value", "new"),
    [
        ("amount", "99.10 EUR", "99.10"),
        ("count", " 7 ", "7"),
        ("day", "03/26/2026", "2026-03-26"),
        ("code", "b54321", "B54321"),
        ("city", "DRESDEN", "Dresden"),
        ("city", " Leipzig ", "Leipzig"),
        ("city", "Leipzg", "Leipzig"),
        ("city", "<b>Berlin</b>", "Berlin"),
        ("city", "KÃ¶ln", "Köln"),
        ("city", "(Hamburg)", "Hamburg"),
        ("city", " leipzig", "Leipzig"),
    ],
)
def test_a_mistake_that_training_never_saw_is_mended(column, value, new):
    found = UNSEEN[column].judge(pl.Series([value]))
    assert found.select("value", "new", "mend").rows() == [(value, new, True)]
    assert found["new_score"][0] > 0.5


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", "17.25"),
        ("count", "39"),
        ("day", "2026-02-29"),
        ("city", "Bremen"),
        ("code", "B77777"),
        ("note", "ok"),
    ],
)
def test_what_the_column_may_hold_is_left_alone(column, value):
    found = UNSEEN[column].judge(pl.Series([value]))
    assert found["new"].to_list() == [] if value != "2026-02-29" else not found["mend"].any()


@pytest.mark.parametrize("name", FRAME.columns)
def test_frozen_they_judge_counted_values_as_the_reference_does(name):
    counted = REFERENCE.values(name)["value"]
    found = set(frozen_unseen(REFERENCE, name).judge(counted)["value"])
    assert found <= set(judgement_of(REFERENCE, name)["value"])


@pytest.mark.parametrize("fmt", ["%Y-%m-%d", "%d.%m.%y", "%-m/%-d/%Y", "%d %b %Y", "%Y-%m-%dT%H:%M:%S", "%I:%M %p"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_is_surely_a_moment_is_one(fmt, data):
    sure = sure_regex_of(fmt)
    text = data.draw(st.from_regex(sure.replace("(?i:", "(?:"), fullmatch=True))
    told = pl.Series([text])
    if told.str.contains(sure)[0]:
        assert parse(told, fmt).null_count() == 0
