"""Small programs explain examples, contradict none, and leave clean-looking values alone."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.learn.synthesis.program import OPERATIONS, Program
from kintsu.learn.synthesis.search import candidates, learn


def column(counts: dict, flagged: tuple = ()) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "value": list(counts),
            "n": list(counts.values()),
            "flagged": [n if v in flagged else 0 for v, n in counts.items()],
        },
        schema={"value": pl.String, "n": pl.Int64, "flagged": pl.Int64},
    )


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.none() | texts, st.none() | texts)
def test_every_candidate_explains_its_pair(before, after):
    for program in candidates(before, after):
        assert program.run(pl.Series([before], dtype=pl.String))[0] == after or before == after
        assert Program.of(program.to_dict()) == program
        assert program.text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_what_is_learned_contradicts_no_pair_and_order_does_not_matter(pairs):
    told = dict(pairs)
    values = column(dict.fromkeys({*told, *told.values()}, 3))
    found = learn(list(told.items()), values)
    for learned in found:
        assert 0 < learned.confidence < 1
        before = pl.Series(list(told), dtype=pl.String)
        fired = learned.program.fires(before)
        new = learned.program.run(before)
        assert all(n == told[b] for b, n, f in zip(before, new, fired, strict=True) if f)
    assert learn(list(told.items())[::-1], values[::-1]) == found


@pytest.mark.parametrize(
    ("before", "after", "other", "becomes"),
    [
        ("12 oz", "12", "7.5 oz", "7.5"),
        ("**Grill", "Grill", "**Cafe", "Cafe"),
        ("Doe, John", "John Doe", "Roe, Ann", "Ann Roe"),
        ("31/12/2020", "2020-12-31", "24/10/2019", "2019-10-24"),
        ("7", "007", "12", "012"),
        ("1,234.5 kg", "1234.50", "7 kg", "7.00"),
        ("new york", "New York", "los angeles", "Los Angeles"),
        ("a  b", "a b", " c  d", "c d"),
    ],
)
def test_one_example_is_generalised(before, after, other, becomes):
    [learned] = learn([(before, after)], column({before: 1, other: 1}, flagged=(other,)))
    assert learned.program.run(pl.Series([other]))[0] == becomes


def test_a_condition_saves_a_program_that_is_right_for_a_part():
    pairs = [("ab-1", "ab"), ("cd-1", "cd"), ("1-1", "1-1")]
    [learned] = learn(pairs, column({"ab-1": 1, "cd-1": 1, "1-1": 1, "xy-1": 1}, flagged=("xy-1",)))
    assert learned.program.condition is not None
    assert learned.program.run(pl.Series(["xy-1"]))[0] == "xy"


def test_a_program_that_changes_clean_looking_values_is_given_up():
    values = column({"Main St": 1, "Oak St": 40, "Elm St": 50, "Main": 1})
    for learned in learn([("Main St", "Main")], values):
        assert not learned.program.fires(pl.Series(["Oak St", "Elm St"])).any()


def test_what_makes_nonsense_of_other_wrong_values_is_not_sure():
    wrong = ("x7%", "9x%", "xx%", "x5%", "5x%", "x3%")
    values = column({**{f"{i}%": 3 for i in range(20, 90)}, "88x": 1, **dict.fromkeys(wrong, 1)}, (*wrong, "88x"))
    [learned] = learn([("88x", "88%")], values)
    assert learned.confidence < 0.5
    spelt = [f"{i}x" for i in range(11, 17)]
    values = column({**{f"{i}%": 3 for i in range(20, 90)}, "88x": 1, **dict.fromkeys(spelt, 1)}, (*spelt, "88x"))
    [learned] = learn([("88x", "88%")], values)
    assert learned.confidence > 0.5


def test_a_cell_called_right_contradicts():
    assert learn([("a", "b"), ("a", "a")], column({"a": 9, "b": 9})) == []


def test_more_examples_make_it_surer():
    values = column({f"{i} oz": 1 for i in range(9)}, flagged=tuple(f"{i} oz" for i in range(9)))
    one, three = (learn([(f"{i} oz", f"{i}") for i in range(n)], values)[0].confidence for n in (1, 3))
    assert one < three


COMMON = st.dictionaries(texts, st.integers(5, 400), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(COMMON, st.none() | texts, st.integers(1, 4), st.data())
def test_corrections_of_a_common_value_change_no_other_cell_unasked(counts, after, times, data):
    before = data.draw(st.sampled_from(sorted(counts)))
    if before == after:
        return
    for learned in learn([(before, after)] * times, column(counts)):
        fires = learned.program.fires(pl.Series(sorted(counts)))
        assert learned.asks or fires.sum() > 1


def test_one_corrected_cell_of_a_common_value_asks_about_the_others():
    values = column({"Closed": 244, "Closedee": 178, "Fail": 153, "Pass": 424}, flagged=("Closedee",))
    [learned] = learn([("Closed", "Fail")], values)
    assert learned.asks and learned.program.fires(values["value"]).to_list() == [True, False, False, False]


@pytest.mark.parametrize(
    ("pairs", "counts", "flagged"),
    [
        ([("Closed", "Fail")] * 5, {"Closed": 244, "Fail": 153}, ()),  # corrected as often as makes a value common
        ([("Closed", "Fail")], {"Closed": 4, "Fail": 153}, ()),
        ([("n/a", "Fail")], {"n/a": 40, "Fail": 153}, ("n/a",)),
        ([("Fial", "Fail")], {"Fial": 40, "Fail": 153}, ()),
        ([("12 oz", "12")], {"12 oz": 40, "16 oz": 30, "12": 9}, ("16 oz",)),
    ],
)
def test_a_value_that_is_rare_or_looks_wrong_needs_no_question(pairs, counts, flagged):
    [learned] = learn(pairs, column(counts, flagged))
    assert not learned.asks


def test_one_empty_cell_says_nothing_about_the_others():
    values = pl.DataFrame({"value": [None, "CA"], "n": [60, 40], "flagged": [60, 0]})
    [learned] = learn([(None, "CA")], values)
    assert learned.asks


def test_operations_leave_null_alone():
    nothing = pl.Series([None], dtype=pl.String)
    made = {"set": {"from": "a", "to": "b"}, "strip": {"at": "end", "text": "x"}, "add": {"at": "end", "text": "x"},
            "replace": {"at": "any", "text": "a", "by": "b"}, "case": {"to": "lower"}, "blanks": {},
            "tokens": {"by": " ", "count": 2, "pick": [1], "join": ""}, "pad": {"width": 3},
            "number": {"decimals": 2}, "date": {"from": "%Y", "to": "%d"}}  # fmt: skip
    assert set(made) == set(OPERATIONS)
    for operation, parameters in made.items():
        assert Program(operation, parameters).run(nothing).to_list() == [None]
        assert not Program(operation, parameters).fires(nothing).any()
