"""Which of two cells that contradict each other is wrong, and when neither is."""

import datetime as dt

import numpy as np
import polars as pl
from made import reference

from kintsu.core.batch import Batch
from kintsu.rules.judge import judge, train

PLACES = {
    f"{10000 + 137 * k}": (f"{name}ton", state)
    for k, (name, state) in enumerate(
        [("Ash", "Ohio"), ("Bur", "Iowa"), ("Clif", "Utah"), ("Den", "Ohio"), ("Eas", "Maine"), ("Ful", "Iowa"),
         ("Graf", "Texas"), ("Hil", "Utah"), ("Ing", "Maine"), ("Kings", "Texas")]
    )
}  # fmt: skip


def places():
    codes = [code for code in PLACES for _ in range(12)]
    return pl.DataFrame({"zip": codes, "city": [PLACES[c][0] for c in codes], "state": [PLACES[c][1] for c in codes]})


def history():
    """Twenty customers with eight orders each; every third one has another phone and city in the last order."""
    rows = []
    for k in range(20):
        for order in range(8):
            moved = k % 3 == 0 and order == 7
            city = ["Ashton", "Burton", "Clifton", "Denton"][(k + moved) % 4]
            phone = f"{200 + 31 * k}-{5550 + (4117 * k + 977) % 4000 if moved else 1000 + 53 * k}"
            rows.append((f"C{k:03d}", city, phone, str(dt.date(2024, 1, 1) + dt.timedelta(days=9 * order + k))))
    return pl.DataFrame(rows, schema=["customer", "city", "phone", "ordered"], orient="row")


def judged(frame, least=0.5, by="score"):
    found = judge(Batch.of(frame), train(reference(frame))).filter(pl.col(by) >= least)
    return {(row, column): new for row, column, new in found.select("row", "column", "new").iter_rows()}


def with_cell(frame, row, column, value):
    index = pl.int_range(pl.len())
    return frame.with_columns(pl.when(index == row).then(pl.lit(value)).otherwise(column).alias(column))


def test_a_wrong_city_does_not_pull_the_right_state_along():
    assert judged(with_cell(places(), 5, "city", "Kingston")) == {(5, "city"): "Ashton"}


def test_a_wrong_key_does_not_change_the_cells_that_agree_with_each_other():
    found = judged(with_cell(places(), 5, "zip", "11233"))
    assert not {(5, "city"), (5, "state")} & found.keys()


def test_two_legal_values_that_contradict_each_other_alone_are_left_to_people():
    frame = places().select("zip", "city")
    assert not judged(with_cell(frame, 5, "city", "Kingston"), least=0.6)


def test_the_contradiction_of_two_legal_values_is_a_fact_all_the_same():
    frame = places().select("zip", "city")
    found = judged(with_cell(frame, 5, "city", "Kingston"), least=0.8, by="suspicion")
    assert found.get((5, "city")) == "Ashton" and {row for row, _ in found} == {5}


def test_cells_that_the_rest_of_the_row_confirms_are_not_suspected():
    found = judged(with_cell(places(), 5, "zip", "11233"), by="suspicion")
    assert found.keys() == {(5, "zip")}


def test_suspicion_is_never_below_the_score():
    frame = with_cell(with_cell(with_cell(places(), 5, "city", "Kingston"), 20, "state", None), 40, "zip", "1o137")
    found = judge(Batch.of(frame), train(reference(frame)))
    assert len(found) and (found["suspicion"] >= found["score"]).all()


def test_the_newest_row_of_a_group_may_differ_from_its_history():
    assert not judged(history())


def test_an_error_inside_the_history_of_a_group_is_mended():
    assert judged(with_cell(history(), 12, "phone", "999-99999")) == {(12, "phone"): history()["phone"][11]}


def test_damaged_cells_vote_for_what_they_mean():
    frame = places()
    index = pl.int_range(pl.len())
    dirty = frame.with_columns(pl.when(index % 2 == 0).then(pl.col("zip") + " ").otherwise("zip").alias("zip"))
    dirty = with_cell(dirty, 7, "city", None)
    found = judge(Batch.of(dirty), train(reference(dirty))).filter(pl.col("row") == 7)
    assert found["new"].to_list() == ["Ashton"] and found["voters"].to_list() == [11]


def articles(rng, rows=3000):
    """Articles with their name, kind and price; `paid` is the price or, in four rows of ten, one of three discounts."""
    at = rng.integers(0, 20, rows)
    price = np.round(rng.uniform(5, 200, 20), 2)
    off = rng.choice([1.0, 0.95, 0.9, 0.8], rows, p=[0.6, 0.16, 0.14, 0.1])
    return pl.DataFrame(
        {
            "article": [f"A-{i * 37:04d}" for i in at],
            "name": [f"{'nkprst'[i % 6]}o{'lmv'[i % 3]}a {i}" for i in at],
            "price": [f"{x:.2f}" for x in price[at]],
            "paid": [f"{x:.2f}" for x in price[at] * off],
        }
    )


def test_values_that_take_turns_beside_one_key_are_not_voted_down():
    frame = articles(np.random.default_rng(0))
    told = judge(Batch.of(frame), train(reference(frame)))
    assert not len(told.filter(pl.col("score") >= 0.5))


def test_where_all_columns_are_as_mixed_it_is_by_errors():
    """Wrong names, kinds and prices of other articles in four rows of ten: the commonest one is right."""
    rng = np.random.default_rng(1)
    clean = articles(rng).drop("paid")
    other = clean.select(pl.col(c).shuffle(seed=k) for k, c in enumerate(clean.columns))
    hit = rng.random((len(clean), 2)) < 0.36
    frame = clean.with_columns(
        [
            pl.select(pl.when(pl.Series(hit[:, k])).then(other[c]).otherwise(clean[c])).to_series().alias(c)
            for k, c in enumerate(("name", "price"))
        ]
    )
    told = judge(Batch.of(frame), train(reference(frame))).filter(pl.col("score") >= 0.5)
    right = [clean[c][r] == new for r, c, new in told.select("row", "column", "new").iter_rows()]
    assert len(told) > 0.8 * (frame["name"] != clean["name"]).sum() and np.mean(right) > 0.9
