"""Patterns and meanings of columns, clean and with nearly half of the cells damaged."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.profile.patterns import find_patterns
from kintsu.profile.table import Profiler

N = 60


def column(name, cells):
    frame = pl.DataFrame({name: pl.Series(cells, dtype=pl.String), "row": [str(i) for i in range(len(cells))]})
    profiler = Profiler(Batch.of(frame).table)
    profiler.add(Batch.of(frame))
    return profiler.profile().columns[name]


EXAMPLES = {
    "email": [f"jo.{i}@example.org" for i in range(N)],
    "url": [f"https://example.org/{i}" for i in range(N)],
    "phone": [f"+1-555-{i:03d}-{i * 7:04d}" for i in range(N)],
    "uuid": [f"{i:08x}-0000-4000-8000-{i:012x}" for i in range(N)],
    "ip": [f"10.0.{i}.7" for i in range(N)],
    "money": [f"${i},{i:03d}.50" for i in range(1, N + 1)],
    "percentage": [f"{i}%" for i in range(N)],
    "number_with_unit": [f"{i}.5 oz" for i in range(N)],
    "country": ["Germany", "France", "Peru", "Japan"] * 15,
    "region": ["TX", "CA", "NY", "AL"] * 15,
    "coordinates": [f"{i}.25, -{i}.5" for i in range(N)],
    "date": [f"2021-03-{i % 28 + 1:02d}" for i in range(N)],
    "datetime": [f"2021-03-{i % 28 + 1:02d} 10:{i % 60:02d}:00" for i in range(N)],
    "time": [f"{i % 12 + 1}:{i % 60:02d} p.m." for i in range(N)],
    "boolean": ["yes", "no", "no"] * 20,
    "code": [f"AB-{i % 30:05d}" for i in range(N)],
    "category": ["red", "green", "blue"] * 20,
    "free_text": [f"the {i} quick brown foxes jump over {i * 3} lazy dogs and run" for i in range(N)],
    "key": [f"K{i:06d}" for i in range(N)],
    "iban": ["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"] * 20,
}


@pytest.mark.parametrize("meaning", EXAMPLES)
def test_finds_the_meaning(meaning):
    assert column("c", EXAMPLES[meaning]).semantic_type == meaning


@pytest.mark.parametrize(
    "meaning", ["email", "url", "phone", "uuid", "ip", "money", "percentage", "number_with_unit", "date", "time"]
)
def test_finds_the_meaning_of_a_damaged_column(meaning):
    cells = EXAMPLES[meaning]
    damaged = [f"{cell[: i % 4]}~{i % 7}~" if i % 9 < 4 else cell for i, cell in enumerate(cells)]
    assert column("c", damaged).semantic_type == meaning


def test_a_wrong_check_digit_is_no_iban():
    assert column("c", ["DE88370400440532013000"] * 60).semantic_type != "iban"


@pytest.mark.parametrize("name", ["zip", "postcode", "Postal Code", "home_zip"])
def test_numbers_are_postcodes_by_name(name):
    assert column(name, [str(10_000 + i) for i in range(N)]).semantic_type == "postcode"
    assert column("amount", [str(10_000 + 977 * i) for i in range(N)]).semantic_type is None


def test_numbers_stay_numbers_when_damaged():
    cells = [f"{i}.5" if i % 9 > 3 else f"{i}.5 oz." for i in range(N)]
    found = column("weight", cells)
    assert found.type == "float" and 0.5 < found.type_share < 0.7 and found.is_numeric


def test_patterns_have_widths_and_counts():
    assert find_patterns(pl.Series(["AB-12345", "XY-99999", "n/a"]), pl.Series([5, 4, 1])) == [
        ("AA-99999", 9),
        ("a/a", 1),
    ]


def test_hexadecimal_patterns_are_merged():
    values = pl.Series([f"{i * 2654435761 % 2**32:08x}-{i * 40503 % 2**16:04x}" for i in range(500)])
    assert find_patterns(values, pl.Series([1] * 500))[0] == ("X{8}-XXXX", 500)


@given(st.lists(st.text(max_size=12), unique=True))
def test_patterns_count_every_cell_at_most_once(values):
    found = find_patterns(pl.Series(values, dtype=pl.String), pl.Series([2] * len(values), dtype=pl.Int64))
    assert sum(cells for _, cells in found) <= 2 * len(values)
    assert all(cells > 0 for _, cells in found)


@pytest.mark.parametrize(
    ("endings", "meaning"),
    [
        (["Oak Lane", "High Road", "Mill Street"], "text"),
        (["broadway", "kingsway"], "text"),
        (["kg", "lbs", "g"], "number_with_unit"),
        (["fl oz"], "number_with_unit"),
        (["Seats"], "number_with_unit"),
        (["oz", "oz.", "ounce", "bottle"], "number_with_unit"),
    ],
)
def test_what_follows_a_number_is_a_unit_only_if_it_is_known_or_always_the_same(endings, meaning):
    cells = [f"{i + 3} {endings[i % len(endings)]}" for i in range(4 * N)]
    found = column("c", cells)
    assert (found.semantic_type or found.type) == meaning
    turned = column("c", [" ".join(reversed(cell.split(" ", 1))) for cell in cells])
    assert turned.semantic_type != "number_with_unit"
