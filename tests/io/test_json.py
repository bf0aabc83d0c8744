"""JSON lines and arrays: only touched values change, and undo gives the same bytes."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPTIONS, edits, texts

from kintsu.core.change import invert
from kintsu.core.errors import InputError, StaleRepair
from kintsu.io.json import Json

LAWS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS = st.sampled_from(["a", "b", 'q"k', "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=5).filter(any)
BLANK = st.sampled_from(["", " ", "  "])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """The bytes of a JSON file with all kinds of spacing, line ends, blank lines and bad lines."""
    records = draw(RECORDS)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :  ")]))
    written = [
        draw(BLANK) + json.dumps(record, separators=separators, ensure_ascii=draw(st.booleans())) + draw(BLANK)
        for record in records
    ]
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    if draw(st.booleans()):
        between = draw(BLANK) + ",\n"
        return "x.json", bom + f"[{draw(BLANK)}{between.join(written)}\n] ".encode()
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    extra = draw(st.sampled_from([[], ["{broken"], ["[1]"]]))
    return "x.jsonl", bom + end.join([*written, *extra]).encode() + draw(st.sampled_from([b"", b"\n"]))


@LAWS
@given(file=files(), data=st.data())
def test_patch_then_undo_gives_the_same_bytes(file, data, tmp_path):
    name, content = file
    (tmp_path / name).write_bytes(content)
    table = Json().open(tmp_path / name, OPTIONS)
    before = texts(table)
    good = [row for row in range(table.rows) if row not in set(table.malformed["row"])]
    places = data.draw(
        st.lists(st.tuples(st.sampled_from(good), st.sampled_from(table.columns)), unique=True, max_size=5)
    )
    new = st.none() | st.sampled_from(["1.50", "x", "", "true", '"', "\\", "é😀", "[1]", "007", "\n"])
    changes = edits(*[(row, column, before[column][row], data.draw(new)) for row, column in places])
    done = table.patch(changes, tmp_path / f"out{name}")
    after = Json().open(tmp_path / f"out{name}", OPTIONS)
    for row, column, value in done.select("row", "column", "new").iter_rows():
        found = texts(after)[column][row] if column in after.columns else None
        assert found == value or json.loads(found) == json.loads(value)
    after.patch(invert(done), tmp_path / f"back{name}")
    assert (tmp_path / f"back{name}").read_bytes() == content


def opened(tmp_path, content, name="x.jsonl"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return Json().open(tmp_path / name, OPTIONS)


def test_numbers_are_text_as_spelt_and_nested_values_are_json(tmp_path):
    table = opened(tmp_path, '{"a": 1.50, "b": [1.0, {"c": null}], "d": true, "e": null}\n{"a": 1e3}')
    assert texts(table).drop("__row").rows() == [
        ("1.50", '[1.0, {"c": null}]', "true", None),
        ("1e3", None, None, None),
    ]


def test_malformed_lines_are_reported_and_stay_in_place(tmp_path):
    table = opened(tmp_path, b'{"a": 1}\n{"a": \n\n"word"\n\xff\n{"a": 2}\n')
    assert table.rows == 5
    assert table.malformed["row"].to_list() == [1, 2, 3]
    assert texts(table)["a"].to_list() == ["1", None, None, None, "2"]
    table.patch(edits((4, "a", "2", "3")), tmp_path / "y.jsonl")
    assert (tmp_path / "y.jsonl").read_bytes() == b'{"a": 1}\n{"a": \n\n"word"\n\xff\n{"a": 3}\n'


def test_a_number_stays_a_number_and_a_word_a_string(tmp_path):
    table = opened(tmp_path, '{"n": 1, "s": "1"}\n{"n": "2 kg", "s": "x"}\n{"n": 3, "s": "y"}\n')
    changes = edits((0, "n", "1", "10"), (0, "s", "1", "10"), (1, "n", "2 kg", "2"), (2, "n", "3", "n/a"))
    table.patch(changes, tmp_path / "y.jsonl")
    assert (tmp_path / "y.jsonl").read_text() == '{"n": 10, "s": "10"}\n{"n": 2, "s": "x"}\n{"n": "n/a", "s": "y"}\n'


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_packed_files_read_and_write(suffix, pack, tmp_path):
    table = opened(tmp_path, pack(b'{"a": 1}\n{"a": 2}\n'), f"x.jsonl{suffix}")
    assert (table.rows, table.suffix, table.exact) == (2, f".jsonl{suffix}", False)
    table.patch(edits((1, "a", "2", "5")), tmp_path / f"y.jsonl{suffix}")
    assert texts(Json().open(tmp_path / f"y.jsonl{suffix}", OPTIONS))["a"].to_list() == ["1", "5"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[1, 2]", "none of its 2 records is an object"),
        ('[{"a": 1}, {"a": ', "line 1: the array is broken"),
        ('[{"a": 1}', "no closing bracket"),
        ("", "empty"),
        ("hello\n", "its only record is no object with keys"),
    ],
)
def test_what_is_no_table_is_one_line(content, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        opened(tmp_path, content, "x.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", [(0, "a", "2", "3"), (7, "a", "1", "3")])
def test_a_stale_edit_leaves_nothing(line, tmp_path):
    table = opened(tmp_path, '{"a": 1}\n')
    with pytest.raises(StaleRepair):
        table.patch(edits(line), tmp_path / "y.jsonl")
    assert not (tmp_path / "y.jsonl").exists()


def test_batches_are_cut_and_projected(tmp_path):
    table = opened(tmp_path, "".join(f'{{"a": {n}, "b": "{n}"}}\n' for n in range(5)))
    found = list(table.batches(size=2, columns=["b"]))
    assert [batch.row.to_list() for batch in found] == [[0, 1], [2, 3], [4]]
    assert pl.concat([batch.frame for batch in found])["b"].to_list() == list("01234")
