"""A patch changes the touched fields and nothing else, and its inverse gives the same bytes back."""

import gzip
import hashlib

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import edits_of, ragged, rows_of, well_formed
from kintsu.core.change import EDITS, invert
from kintsu.core.errors import OutputError, StaleRepair, UsageError
from kintsu.io.text.connector import TextConnector, from_description
from kintsu.io.text.splice import shifted

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BLOCKS = st.sampled_from([1, 7, 40, 1 << 20])
NEW = st.none() | st.text("ab1.,;|\t\"' \n\ré日", max_size=5)


def random_edits(draw, table, new=NEW):
    rows = rows_of(table)
    bad = set(table.malformed["row"])
    lines = []
    for i, row in enumerate(rows):
        what = draw(st.sampled_from(["keep", "set", "drop"]))
        if what == "drop":
            lines.append((i, None, "drop", None, None))
        elif what == "set" and i not in bad:
            for name in draw(st.sets(st.sampled_from(table.columns))):
                lines.append((i, name, "set", row[table.columns.index(name)], draw(new)))
    return edits_of(*draw(st.permutations(lines))) if lines else edits_of()


def check_undo(files, table, edits):
    out, back = files.path(), files.path()
    filled = table.patch(edits, out)
    assert filled.drop("old_raw", "new_raw").equals(edits.drop("old_raw", "new_raw"))
    assert filled.schema == pl.Schema(EDITS)
    made = TextConnector().open(out, from_description(table.describe()))
    made.patch(invert(filled), back)
    assert back.read_bytes() == table.file.read_bytes()
    return made


@FAST
@given(
    data=st.data(), text=ragged, block=BLOCKS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
)
def test_undo_restores_the_bytes_of_malformed_tables_too(files, data, text, block, encoding):
    options = {"delimiter": ",", "quote": '"', "header": True, "encoding": encoding}
    if "\r" in text.replace("\r\n", ""):  # a drop takes a blank line along only within a block
        block = 1 << 20
    table = files.open(text.encode(encoding), block=block, **options)
    check_undo(files, table, random_edits(data.draw, table, st.none() | st.text("ab ,é", max_size=3)))


@FAST
@given(data=st.data(), made=well_formed(), block=BLOCKS)
def test_a_patched_table_reads_as_the_edited_cells_and_undoes(files, data, made, block):
    text, _, delimiter, quote, cells = made
    table = files.open(text.encode(), block=block, delimiter=delimiter, quote=quote, header=True)
    edits = random_edits(data.draw, table)
    expected = [list(row) for row in cells]
    for row, column, edit, _, new in edits.drop("old_raw", "new_raw").iter_rows():
        if edit == "set":
            expected[row][table.columns.index(column)] = new
    dropped = set(edits.filter(pl.col("edit") == "drop")["row"])
    result = check_undo(files, table, edits)
    assert rows_of(result) == [tuple(row) for i, row in enumerate(expected) if i not in dropped]


@FAST
@given(text=ragged, block=BLOCKS, compression=st.sampled_from(["", ".gz", ".zst"]))
def test_no_edits_is_a_copy(files, text, block, compression):
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[compression]
    table = files.open(pack(text.encode()), block=block, suffix=f".csv{compression}", delimiter=",")
    out = files.path()
    table.patch(edits_of(), out)
    unpack = {
        "": bytes,
        ".gz": gzip.decompress,
        ".zst": lambda b: zstandard.ZstdDecompressor().decompressobj().decompress(b),
    }
    assert unpack[compression](out.read_bytes()) == text.encode()
    assert table.exact == (compression == "")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "gb18030", "shift_jis"])
def test_new_text_is_written_in_the_encoding_of_the_file(files, encoding):
    word = "日本" if encoding in ("gb18030", "shift_jis") else "Zürich"
    data = f"a,b\r\n{word},1\r\nx,2\r\n".encode(encoding)
    table = files.open(data, encoding=encoding)
    made = check_undo(files, table, edits_of((1, "a", "set", "x", word)))
    assert made.file.read_bytes() == data.replace(
        "x,2".encode(encoding)[-6 if encoding == "utf-16" else -3 :],
        f"{word},2".encode(encoding)[2 if encoding == "utf-16" else 0 :],
    )


def test_untouched_bytes_stay_as_they_are(files):
    data = b'a,b,c\r\n007,"1.50","x ""y"""\r\n\r\n 1 ,,""\nlast,"p\nq",z'
    table = files.open(data)
    out = files.path()
    filled = table.patch(edits_of((1, "b", "set", None, "n"), (0, "b", "set", "1.50", "1.5")), out)
    assert out.read_bytes() == data.replace(b'"1.50"', b'"1.5"').replace(b" 1 ,,", b" 1 ,n,")
    assert filled["old_raw"].to_list() == [b"", b'"1.50"'] and filled["new_raw"].to_list() == [b"n", b'"1.5"']


@pytest.mark.parametrize(
    ("new", "written"),
    [("x", b"x"), (None, b""), ("", b'""'), ("a,b", b'"a,b"'), ('q"', b'"q"""'), ("l\nm", b'"l\nm"'), (" x", b'" x"')],
)
def test_a_new_value_is_quoted_where_it_must_be(files, new, written):
    out = files.path()
    files.open(b"a,b\n1,2\n").patch(edits_of((0, "a", "set", "1", new)), out)
    assert out.read_bytes() == b"a,b\n" + written + b",2\n"


def test_a_line_with_an_open_quote_stays_one_record_when_its_neighbours_go(files):
    table = files.open(b'c0,c1,c2\n"\na,b,c\n"\n1,2,3\n', delimiter=",")
    assert table.malformed["row"].to_list() == [0, 2]
    made = check_undo(files, table, edits_of((1, None, "drop", None, None), (3, "c0", "set", "1", '",')))
    assert rows_of(made) == [(None, None, None), (None, None, None), ('",', "2", "3")]


def test_line_ends_that_would_join_are_put_back_apart(files):
    table = files.open(b"a,b\n1,2\r3,4\n\n5,6\r7,8\n\n", delimiter=",")
    made = check_undo(files, table, edits_of((1, None, "drop", None, None), (3, None, "drop", None, None)))
    assert made.file.read_bytes() == b"a,b\n1,2\r5,6\r"


def test_stale_edits_name_the_cell_and_write_nothing(files):
    table = files.open(b"a,b\n1,2\n3\n")
    out = files.path()
    for line in [
        (0, "a", "set", "9", "x"),
        (0, "a", "set", None, "x"),
        (1, "a", "set", None, "x"),
        (7, "a", "set", "1", "x"),
        (0, "zz", "set", "1", "x"),
    ]:
        with pytest.raises(StaleRepair) as caught:
            table.patch(edits_of(line), out)
        assert str(line[0]) in str(caught.value) or line[1] in str(caught.value)
        assert not out.exists()


def test_an_output_edited_by_hand_is_not_undone(files):
    table = files.open(b"a,b\n1,2\n3,4\n")
    out, back = files.path(), files.path()
    filled = table.patch(edits_of((0, "a", "set", "1", "x"), (1, None, "drop", None, None)), out)
    out.write_bytes(out.read_bytes().replace(b"x", b'"x"'))
    with pytest.raises(StaleRepair, match="a, row 0: expected 'x' but found '\"x\"'"):
        TextConnector().open(out, from_description(table.describe())).patch(invert(filled), back)
    assert not back.exists()


def test_a_character_the_encoding_lacks_names_the_cell(files):
    table = files.open("a,b\né,2\n".encode("latin-1"))
    with pytest.raises(OutputError, match="a, row 0: '日' cannot be written in latin-1"):
        table.patch(edits_of((0, "a", "set", "é", "日")), files.path())


def test_contradictory_edits_are_refused(files):
    table = files.open(b"a,b\n1,2\n3,4\n")
    for other in [(0, "a", "set", "1", "y"), (0, None, "drop", None, None)]:
        with pytest.raises(UsageError, match="two edits of row 0"):
            table.patch(edits_of((0, "a", "set", "1", "x"), other), files.path())
    with pytest.raises(UsageError, match="cast"):
        table.patch(edits_of((None, "a", "cast", "x", "y")), files.path())


def test_a_full_disk_is_one_line_and_leaves_nothing(files):
    table = files.open(b"a,b\n1,2\n")
    with pytest.raises(OutputError, match="folder does not exist"):
        table.patch(edits_of(), files.folder / "absent" / "x.csv")


def test_version_is_the_hash_of_the_file(files):
    assert files.open(b"a,b\n1,2\n").ref.version == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


@given(n=st.integers(1, 12), dropped=st.sets(st.integers(0, 11)))
def test_shifted_follows_the_records(n, dropped):
    gone = np.array(sorted(d for d in dropped if d < n), np.int64)
    kept = [i for i in range(n) if i not in gone]
    numbers = shifted(np.arange(n), gone)
    assert [kept[m] for m in numbers if m >= 0] == kept and (numbers[gone] == -1).all()
