import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.profile.values.edits import block_edits, mine_affixes
from kintsu.profile.values.numbers import loose_numbers, print_numbers
from kintsu.profile.values.spelling import repaired_encoding
from kintsu.profile.values.typos import neighbours, split_by_count, wildcard_matches
from kintsu.profile.values.units import header_unit, unit_of


@settings(deadline=None)
@given(st.floats(-1e9, 1e9).map(lambda x: float(f"{x:.9g}")).filter(lambda x: x == 0 or abs(x) > 1e-6))
def test_a_printed_number_reads_as_the_same_number(number):
    assert float(print_numbers(pl.Series([number]))[0]) == pytest.approx(number, rel=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 99))
def test_thousands_separators_do_not_change_a_number(whole, cents):
    texts = [f"{whole:,}.{cents:02d}", f"{whole:,}.{cents:02d}".translate(str.maketrans(",.", ".,"))]
    for text in texts[: 2 if whole >= 1000 else 1]:  # below a thousand nothing tells "12,345" from "12.345"
        assert loose_numbers(pl.Series([text]))["number"][0] == pytest.approx(float(f"{whole}.{cents:02d}"))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_without_error(text):
    assert len(loose_numbers(pl.Series([text]))) == 1


@settings(deadline=None)
@given(st.text(st.characters(codec="latin-1"), min_size=1).filter(lambda t: not t.isascii()))
def test_text_read_in_the_wrong_encoding_is_repaired(text):
    assert repaired_encoding(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("1 234,5", 1234.5), ("12 5", None), ("2011-01-02", None), ("12-34", None), ("1.234.567", 1234567.0), 
     ("5 m2", 5.0),     ("1,234", 1234.0), ("v1.2.3", None), ("4/5", 4.0), ("12 Main St 5", None)],
)  # fmt: skip
def test_numbers_as_people_write_them(text, number):
    assert loose_numbers(pl.Series([text]))["number"][0] == number


def test_units_and_headers():
    assert [unit_of(x) for x in ("oz.", "KG", "St", "%", "€")] == ["oz", "kg", None, "%", "eur"]
    assert [header_unit(x) for x in ("weight_kg", "Price (EUR)", "ounces", "item", "d")] == [
        "kg",
        "eur",
        "oz",
        None,
        None,
    ]


def test_an_affix_that_hits_all_values_alike_is_mined():
    values = pl.DataFrame(
        {"value": ["Fail", "Failee", "Pass", "Passee", "Wait", "Waitee"], "n": [50, 40, 99, 80, 30, 22]}
    )
    assert [(a.text, a.at_end) for a in mine_affixes(values)] == [("ee", True)]


def test_plurals_are_not_mined():
    words = ["bar", "bars", "cat", "cats", "dog", "dogs", "fish", "owl"]
    values = pl.DataFrame({"value": words, "n": [50, 9, 3, 80, 30, 2, 5, 5]})
    assert mine_affixes(values) == []


def test_edits_are_told_as_blocks():
    assert block_edits("LessanTh50K", "LessThan50K") == (("", "an", "inside"), ("an", "", "inside"))


def test_neighbours_are_within_reach():
    pairs = neighbours(["delivred", "xx"], ["delivered", "shipped"])
    assert pairs.rows() == [("delivred", "delivered", 1)]


def test_a_symbol_matches_one_value_or_none():
    values = pl.DataFrame({"value": ["ala", "ana", "axa", "bxb", "bob"], "n": [9, 9, 1, 1, 9]})
    assert wildcard_matches(values, "x").select("value", "twin").rows() == [("bxb", "bob")]


@pytest.mark.parametrize(
    ("counts", "frequent"),
    [
        ([560, 89, 63, 43, 37, 2, 1, 1, 1], 5),  # one category holds most cells, few slips
        ([300, 40, 8, 7, 7, 6, 6, 5, 5, 5, 4, 4], 2),  # a third of the cells are slips of two words
    ],
)
def test_frequent_and_rare_values_part_where_counts_fall(counts, frequent):
    values = pl.DataFrame({"value": [f"v{i:02d}" for i in range(len(counts))], "n": counts})
    kept, _ = split_by_count(values)
    assert kept["n"].to_list() == counts[:frequent]
