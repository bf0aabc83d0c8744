"""kintsu profile and kintsu compare: their objects are JSON, whatever the table."""

import json

import polars as pl
import pytest

from kintsu.core.errors import InputError
from kintsu.run.compare import compare
from kintsu.run.profile import profile

FIELDS = {"type", "semantic_type", "nulls", "distinct", "min", "max", "mean", "std", "quantiles", "top", "patterns"}


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    lines = ["id,email,age,joined,note"]
    lines += [f'{i},jo{i}@example.org,{20 + i % 40},{i % 28 + 1}/3/2021,"a, b"' for i in range(200)]
    path.write_text("\n".join([*lines, "200,n/a,,soon,"]) + "\n")
    return path


def test_the_object_has_the_fields_of_the_contract(people):
    found = profile(people).to_dict()
    assert found["rows"] == 201
    assert set(found) >= {"rows", "columns", "scores", "signature"}
    assert all(set(column) >= FIELDS for column in found["columns"].values())
    columns = found["columns"]
    assert columns["email"]["semantic_type"] == "email" and columns["email"]["disguised_nulls"] == 1
    assert columns["joined"]["type"] == "date" and columns["joined"]["format"] == "%-d/%-m/%Y"
    assert columns["age"]["nulls"] == 1 and columns["age"]["min"] == 20 and columns["age"]["max"] == 59
    assert columns["id"]["semantic_type"] == "key"


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [float("nan"), float("inf"), -1e308, 1e308]}),
        pl.DataFrame({"a": [None, None]}),
        pl.DataFrame({"a": pl.Series([], dtype=pl.String)}),
        pl.DataFrame({"=cmd": ["<script>", "\x00", "🙂"]}),
        pl.DataFrame({"a": [1], "b": [[1, 2]], "c": [{"x": None}]}),
    ],
    ids=["floats", "nulls", "empty", "odd", "nested"],
)
def test_any_frame_gives_strict_json(frame):
    result = profile(frame)
    json.dumps(result.to_dict(), allow_nan=False)
    assert "<script>" not in result._repr_html_()


def test_sensitive_values_are_not_shown(people):
    result = profile(people, sensitive=("email",))
    assert "jo7" not in json.dumps(result.to_dict()) and "@" not in result._repr_html_()


def test_the_same_table_in_another_order_has_the_same_profile(people):
    lines = people.read_text().splitlines()
    other = people.with_name("other.csv")
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    first, second = profile(people).to_dict(), profile(other).to_dict()
    assert first == second


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.csv"):
        profile(tmp_path / "nothing.csv")


def test_compare_finds_nothing_between_equal_tables(people):
    found = compare(people, people).to_dict()
    assert found["schema"]["same"] and found["rows"] == [201, 201]
    for column in found["columns"].values():
        assert column["psi"] in (0, None) and not column["patterns_new"] and not column["patterns_gone"]


def test_compare_names_what_changed():
    a = pl.DataFrame({"x": [float(i) for i in range(1000)], "code": ["AB-123"] * 1000, "gone": ["y"] * 1000})
    b = pl.DataFrame({"x": [float(i) + 500 for i in range(900)], "code": ["AB-1234"] * 900, "new": [None] * 900})
    found = compare(a, b)
    assert found.added == ["new"] and found.removed == ["gone"] and not found.same_schema
    assert found.columns["x"].ks == pytest.approx(0.5, abs=0.03)
    assert found.columns["x"].psi > 0.5 > found.columns["x"].psi_noise
    assert found.columns["code"].patterns_new == ["AA-9999"] and found.columns["code"].patterns_gone == ["AA-999"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_chance_alone_stays_near_the_noise_floor():
    import numpy as np

    rng = np.random.default_rng(0)
    a, b = (pl.DataFrame({"x": rng.normal(size=5_000)}) for _ in range(2))
    difference = compare(a, b).columns["x"]
    assert difference.psi < 4 * difference.psi_noise and difference.ks < 0.05
