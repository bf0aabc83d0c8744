"""Events of JSON: the cells are those of a file, and only mended cells change."""

import json

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import StaleRepair
from kintsu.io.json import Json
from kintsu.io.json_events import JsonEvents

EVENTS = JsonEvents()
TORN = st.text(st.characters(codec="utf-8") | st.sampled_from("\ud83d\ude00\\"), max_size=4)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["", "a", '"b"'])
NAME = st.sampled_from(["a", "b", "c d", "é", 'q"'])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAME, inner, max_size=2))
RECORD = st.dictionaries(NAME, VALUE, min_size=1, max_size=4)
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",\t", ":  ")])


def written(record, spaces, *, is_ascii=False):
    return json.dumps(record, separators=spaces, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")


@given(st.lists(st.tuples(RECORD, SPACES, st.booleans()), min_size=1, max_size=5))
@example([({"a": float("nan")}, (",", ":"), True)])
def test_cells_are_those_that_a_file_has(tmp_path_factory, records):
    values = [written(record, spaces, is_ascii=is_ascii) for record, spaces, is_ascii in records]
    path = tmp_path_factory.mktemp("json") / "events.jsonl"
    path.write_bytes(b"\n".join(values) + b"\n")
    table = Json().open(path, ReadOptions())
    frame = pl.concat([batch.frame for batch in table.batches()])
    decoded = EVENTS.decode(values, table.columns)
    assert decoded.bad == [] and decoded.rows == list(range(len(values)))
    assert decoded.cells.equals(frame)
    assert sum(decoded.shapes.values()) == len(values)


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"{", b"[1]", b"3", b"null", b'{"a": 1} x', b"\xff{}", b'{"a": \xff}', b"{" * 9999),
        *(
            b'{"a": "\\ud83d"}',
            b'{"a": "\\uDE00x"}',
            b'{"b": "\\ud83d"}',
            b'{"\\ud83d": 1}',
            b'{"a": {"b": ["\\uDe00"]}}',
        ),
    ],
)
def test_what_is_no_object_is_told(value):
    decoded = EVENTS.decode([b'{"a": "1"}', value, b' {"a": 2} '], ["a"])
    assert decoded.rows == [0, 2] and decoded.cells["a"].to_list() == ["1", "2"]
    ((place, why),) = decoded.bad
    assert place == 1 and why


@given(st.dictionaries(TORN.filter(len), TORN | st.lists(TORN), max_size=3))
def test_half_a_character_is_told_and_a_whole_one_is_read(record):
    value = json.dumps(record).encode()  # escapes all that is not ASCII
    read = json.loads(value)
    is_torn = any("\ud800" <= sign <= "\udfff" for sign in json.dumps(read, ensure_ascii=False))
    decoded = EVENTS.decode([value], [name for name in read if not is_torn])
    assert (decoded.rows, [place for place, _ in decoded.bad]) == (([], [0]) if is_torn else ([0], []))
    if not is_torn:
        texts = {name: cell for name, cell in read.items() if isinstance(cell, str)}
        assert decoded.cells.select(list(texts)).to_dicts() == ([texts] if texts else [])


@given(RECORD, SPACES, NAME, st.none() | st.text(max_size=5), st.booleans())
def test_only_the_mended_field_changes(record, spaces, name, new, is_ascii):
    value = written(record, spaces, is_ascii=is_ascii)
    cells = EVENTS.decode([value], [name]).cells
    mended = EVENTS.mended(value, [(name, cells[name][0], new)], set())
    after = EVENTS.decode([mended], [*record, name] if name not in record else list(record)).cells
    before = EVENTS.decode([value], after.columns).cells
    for column in after.columns:
        assert after[column][0] == (new if column == name else before[column][0])


@pytest.mark.parametrize(
    ("value", "change", "numeric", "mended"),
    [
        (b'{"a":1.50, "b":"x"}', ("a", "1.50", "2.0"), set(), b'{"a":2.0, "b":"x"}'),
        (b'{"a":"1 EUR" ,"b":[1]}', ("a", "1 EUR", "1"), {"a"}, b'{"a":1 ,"b":[1]}'),
        (b'{"a":"1 EUR" }', ("a", "1 EUR", "1"), set(), b'{"a":"1" }'),
        (b'{"a":"1 EUR" }', ("a", "1 EUR", "1"), {"a"}, b'{"a":1 }'),
        (b'{"a":"a","b":"\\"a\\":2"}', ("b", '"a":2', "3"), set(), b'{"a":"a","b":"3"}'),
        (b'{"b":"a", "a" : null}', ("a", None, "x"), set(), b'{"b":"a", "a" : "x"}'),
        (b'{"a":true}', ("a", "true", "false"), set(), b'{"a":false}'),
        (b'{"b":2}', ("a", None, "x"), set(), b'{"b":2,"a":"x"}'),
        (b'{"a":1,"a":2}', ("a", "2", "3"), set(), b'{"a":1,"a":3}'),
        (b'{"\\u0061":"x"}', ("a", "x", "y"), set(), b'{"\\u0061":"y"}'),
    ],
)
def test_bytes_beside_the_mended_field_stay(value, change, numeric, mended):
    assert EVENTS.mended(value, [change], numeric) == mended


def test_a_field_that_holds_something_else_is_refused():
    with pytest.raises(StaleRepair, match="expected '1' but found '2'"):
        EVENTS.mended(b'{"a": 2}', [("a", "1", "3")], set())


def test_kinds_of_values_are_told():
    kinds = EVENTS.decode([b'{"a": 1, "b": "x", "c": true, "d": [1], "e": null}'], ["a"]).kinds
    assert kinds == {("a", "number"): 1, ("b", "string"): 1, ("c", "boolean"): 1, ("d", "nested"): 1}
