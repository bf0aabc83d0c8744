"""Models as data: what is written is read again, and nothing but data is ever built."""

import io
import json
import re
import zipfile
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kintsu.core.errors import InputError
from kintsu.core.recipe import Recipe
from kintsu.io.model_file import NotData, dump, load
from kintsu.profile.fences import Tail

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
)
KEYS = st.text() | st.integers() | st.tuples(st.text(), st.integers())
TREES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=12,
)


@given(TREES)
def test_read_of_written_is_the_same(thing):
    assert load(dump(thing)) == thing
    assert dump(thing) == dump(load(dump(thing)))


@given(st.lists(st.none() | st.text()), st.lists(st.none() | st.floats()))
def test_frames_and_series_come_back(texts, numbers):
    frame = pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)})
    series = pl.Series("n", numbers, dtype=pl.Float64)
    told, again = load(dump((frame, series)))
    assert_frame_equal(told, frame)
    assert again.name == "n" and again.dtype == pl.Float64
    assert again.eq_missing(series).all()


@pytest.mark.parametrize(
    "thing",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.array([np.nan, 1.5]),
        np.array(["a", "bcd"]),
        np.array([True, False]),
    ],
)
def test_arrays_come_back(thing):
    made = load(dump(thing))
    assert made.dtype == thing.dtype
    np.testing.assert_array_equal(made, thing)


def test_values_without_a_letter_of_json_come_back():
    things = [date(2026, 8, 1), datetime(2026, 8, 1, 7), time(7, 10), timedelta(days=2), float("inf"), np.float64(0.5)]
    assert load(dump(things)) == things
    assert np.isnan(load(dump(float("nan"))))
    regex = re.compile(r"a+", re.IGNORECASE)
    assert load(dump(regex)) == regex
    assert load(dump("\ud800")) == "\ud800"


def test_one_object_stays_one_object():
    tail = Tail(1.0, 2.0, 0.1, 0.5, 1.0, False, 0.1)
    one, other = load(dump([tail, tail]))
    assert one is other and one == tail


def test_the_same_objects_give_the_same_bytes():
    recipe = Recipe("unit", "weight", "strip_unit", "strip it", parameters={"of": ["kg", 1]})
    assert dump([recipe]) == dump([Recipe(**vars(recipe))])
    assert load(dump(recipe)).id == recipe.id


@pytest.mark.parametrize("thing", [lambda: 1, object(), pl.col("a"), np.array([object()]), io.BytesIO(), int])
def test_what_is_no_data_is_refused_by_its_path(thing):
    with pytest.raises(NotData, match=r"model\.deep\[1\]") as error:
        dump({"model": {"deep": [1, thing]}})
    assert error.value.where == "model.deep[1]"


def zipped(tree, **parts):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("tree.json", json.dumps({"format": 1, "tree": tree}))
        for name, data in parts.items():
            file.writestr(name.replace("__", "."), data)
    return held.getvalue()


@pytest.mark.parametrize(
    "word",
    [
        "subprocess:Popen",
        "pathlib:Path",
        "kintsu.io.model_file:_Writer",
        "kintsu.run.heal:HealResult",
        "kintsu.core.batch:Column",
        "kintsu.core.recipe:hashlib",
        "kintsu.core.nothing:Here",
        "kintsu.core.recipe:Recipe.to_dict",
        ":",
    ],
)
def test_no_other_class_is_ever_built(word):
    with pytest.raises(InputError):
        load(zipped({"~": word, "of": {}, "is": 0}))


def test_a_pickled_array_is_not_opened():
    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match="damaged"):
        load(zipped({"~": "array", "of": "a__npy".replace("__", "."), "is": 0}, a__npy=held.getvalue()))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damage_is_told_as_damage(noise, at):
    data = bytearray(dump({"a": pl.DataFrame({"x": [1, 2]}), "b": np.arange(3)}))
    data[at : at + len(noise)] = noise
    try:
        load(bytes(data))
    except InputError as error:
        assert "cannot read" in str(error)


def test_a_newer_format_asks_for_an_upgrade():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("tree.json", json.dumps({"format": 99, "tree": None}))
    with pytest.raises(InputError, match="upgrade"):
        load(held.getvalue())
