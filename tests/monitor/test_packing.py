"""Packed metrics come back equal."""

import json
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.hashing import text_hash
from kintsu.monitor.facts import facts
from kintsu.monitor.measure import measure, salted
from kintsu.monitor.packing import pack, unpack

CELLS = {
    "number": st.none() | st.floats(),
    "whole": st.none() | st.integers(-(2**40), 2**40),
    "text": st.none() | st.text(max_size=4),
    "at": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)),
}


@given(st.lists(st.fixed_dictionaries(CELLS), max_size=12), st.booleans())
def test_metrics_come_back_equal(rows, dated):
    schema = {"number": pl.Float64, "whole": pl.Int64, "text": pl.String, "at": pl.Datetime("us")}
    due = datetime(2026, 3, 1, tzinfo=UTC) if dated else None
    batch = measure(pl.DataFrame(rows, schema=schema, orient="row"), due=due, arrived=due)
    back = unpack(pack(batch))
    assert (back.rows, back.duplicates, back.content, back.due, back.arrived, back.numbers) == (
        batch.rows, batch.duplicates, batch.content, batch.due, batch.arrived, batch.numbers,
    )  # fmt: skip
    np.testing.assert_allclose(back.sample, np.clip(batch.sample, -3.4e38, 3.4e38), rtol=1e-3, atol=1e-30)
    assert list(back.columns) == list(batch.columns)
    for name, column in batch.columns.items():
        other = back.columns[name]
        assert (column.kind, column.nulls, column.values, column.patterns, column.shares, column.levels) == (
            other.kind, other.nulls, other.values, other.patterns, other.shares, other.levels,
        )  # fmt: skip
        np.testing.assert_array_equal(
            np.empty(0) if column.quantiles is None else column.quantiles,
            np.empty(0) if other.quantiles is None else other.quantiles,
        )


def test_metrics_of_the_first_version_are_read():
    levels, quantiles = {"mean": [2.0, 0.5]}, [1.0, 2.0, 3.0]
    column = {"name": "a", "dtype": "Float64", "kind": "number", "rows": 3, "nulls": 0, "distinct": 3}
    column |= {"shares": {"top": 1}, "levels": levels, "quantiles": quantiles, "values": {}, "patterns": {}}
    told = {"version": 1, "rows": 3, "duplicates": 0, "content": 7, "due": None, "arrived": None}
    text = json.dumps(told | {"columns": [column], "numbers": ["a"]}).encode()
    sample = np.array([1, 2, 3], dtype="<f4").tobytes()
    batch = unpack(zstandard.compress(len(text).to_bytes(8, "little") + text + sample))
    assert batch.columns["a"].levels == {"mean": (2.0, 0.5)} and batch.sample.tolist() == [[1.0], [2.0], [3.0]]
    assert batch.columns["a"].quantiles.tolist() == quantiles


def test_metrics_of_a_newer_version_are_refused():
    body = b'{"version":99}'
    with pytest.raises(ValueError, match="version 99"):
        unpack(zstandard.compress(len(body).to_bytes(8, "little") + body))


def test_the_content_does_not_depend_on_the_order_of_rows():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    assert measure(frame).content == measure(frame.reverse()).content != measure(frame.head(2)).content


def test_facts_are_shares_and_levels_by_column():
    told = facts(measure(pl.DataFrame({"price": [1.0, None, 3.0, 3.0], "city": ["Lyon", "Lyon", "Nice", "Lyon"]})))
    assert told["rows"] == 4 and told["duplicates"] == 0
    assert told["completeness:price"] == 0.75 and told["mean:price"] == pytest.approx(7 / 3)
    assert told["top:city"] == 0.75 and told["distinct:city"] == 0.5 and "late_h" not in told


def test_values_of_sensitive_columns_are_held_as_hashes():
    frame = pl.DataFrame({"name": ["Ann", "Bob", "Ann"], "city": ["Lyon", "Nice", "Lyon"]})
    batch = measure(frame, sensitive=["name", "none"])
    assert "Ann" not in str(unpack(pack(batch)).columns["name"]) and "Lyon" in batch.columns["city"].values
    plain = measure(frame)
    assert sorted(batch.columns["name"].values.values()) == sorted(plain.columns["name"].values.values())


SALT = bytes(range(32))


@given(st.lists(st.none() | st.text(max_size=4) | st.sampled_from(["#" + "0" * 16, "~" + "f" * 16]), max_size=12))
def test_what_was_hashed_without_a_salt_can_be_salted_later(cells):
    frame = pl.DataFrame({"name": cells, "n": [5] * len(cells)}, schema={"name": pl.String, "n": pl.Int64})
    hidden = ("name", "n", "gone")
    at_once = measure(frame, sensitive=hidden, salt=SALT)
    for later in (salted(measure(frame, sensitive=hidden), hidden, SALT), salted(at_once, hidden, SALT)):
        assert later.columns["name"] == at_once.columns["name"]
        assert later.columns["n"].values == measure(frame).columns["n"].values
    other = measure(frame, sensitive=hidden, salt=SALT[::-1])
    assert not set(other.columns["name"].values) & set(at_once.columns["name"].values)
    assert list(other.columns["name"].values.values()) == list(at_once.columns["name"].values.values())


def test_nobody_finds_a_value_by_hashing_a_list_of_likely_ones():
    names = ["Ann", "Bob", "Eve"]
    held = str(measure(pl.DataFrame({"name": names}), sensitive=["name"], salt=SALT).columns["name"])
    guesses = [f"{text_hash(name):016x}" for name in names]
    assert not [guess for guess in (*names, *guesses) if guess in held]
    in_the_clear = salted(measure(pl.DataFrame({"name": names})), ["name"], SALT)  # sensitive only since then
    assert str(in_the_clear.columns["name"]) == held
