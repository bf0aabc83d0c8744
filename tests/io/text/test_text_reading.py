"""Reading agrees with Python's csv reader on well-formed text, and says what is wrong with the rest."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ragged, rows_of, well_formed
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, UsageError
from kintsu.io.open import open_table

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BLOCKS = st.sampled_from([1, 7, 40, 1 << 20])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])


def by_csv(text, delimiter, quote, width):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    rows = [row or [""] for row in reader if row or width == 1]
    return [tuple(row) for row in rows[1:]]


@FAST
@given(table=well_formed(), block=BLOCKS, encoding=ENCODINGS, size=st.integers(1, 5))
def test_well_formed_text_reads_as_by_the_csv_module(files, table, block, encoding, size):
    text, width, delimiter, quote, cells = table
    opened = files.open(
        text.encode(encoding),
        block=block,
        delimiter=delimiter,
        quote=quote,
        header=True,
        encoding=None if encoding.endswith(("sig", "16")) else encoding,
    )
    found = rows_of(opened, size)
    assert [tuple(c or "" for c in row) for row in found] == by_csv(text, delimiter, quote, width)
    assert found == cells, "an unquoted empty field is null, a quoted one is empty text"
    assert opened.columns == tuple(f"c{i}" for i in range(width))
    assert opened.rows == len(cells) and not len(opened.malformed) and not len(opened.bad_cells)
    again = rows_of(opened, size)
    assert again == found, "a second pass reads the same"


@FAST
@given(text=ragged, block=BLOCKS)
def test_chunks_never_show(files, text, block):
    whole = files.open(text.encode(), delimiter=",", quote='"', header=True)
    cut = files.open(text.encode(), delimiter=",", quote='"', header=True, block=block)
    assert rows_of(cut) == rows_of(whole)
    assert cut.malformed.equals(whole.malformed)
    assert len(rows_of(whole)) == whole.rows


@FAST
@given(
    text=ragged, columns=st.permutations(["c0", "c1", "c2"]).flatmap(lambda p: st.integers(0, 3).map(lambda n: p[:n]))
)
def test_chosen_columns_are_those_of_the_full_table(files, text, columns):
    table = files.open(text.encode(), delimiter=",", quote='"', header=True)
    for _ in range(2):
        for chosen, full in zip(table.batches(4, columns), table.batches(4), strict=True):
            assert chosen.row.equals(full.row)
            assert chosen.frame.equals(full.frame.select(columns))
            assert chosen.columns == columns


@FAST
@given(data=st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r", b"\0", b"\xe9", b"\xc3\xa9", b";"]), max_size=40))
def test_any_bytes_are_read_without_a_crash(files, data):
    table = files.open(b"x,y\n" + b"".join(data), delimiter=",", quote='"', header=True, encoding="utf-8")
    rows = rows_of(table)
    assert len(rows) == table.rows
    for row in table.malformed["row"]:
        assert set(rows[row]) == {None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3\n4,5\n", {1: "the record has 1 field where 2 are expected"}),
        ("a,b\n1,2\n3,4,5\n", {1: "the record has 3 fields where 2 are expected"}),
        ("a,b\n1\0,2\n3,4\n", {0: "the record holds a zero byte, which text never does"}),
        ('a,b\n1,"2\n3,4\n5,6\n', {0: "a quote opens in this record and is never closed properly"}),
        ('a,b\n1,"2\n3,4\n"5",6\n', {0: "a quote opens in this record and is never closed properly"}),
        ('a,b,c\n1,"2,3\n4,5,6\n7,"8",9\n', {0: "a quote opens in this record and is never closed properly"}),
        ('a,b\n1,"x\ny"\n3,4\n', {}),
        ('a,b\n1,5" pipe\n"a"b,4\n', {}),
        ("a,b\n\n1,2\n\n\n3,4\n\n", {}),
        ("a\n1\n\n3\n", {}),
    ],
)
def test_a_malformed_record_costs_itself_only(files, text, expected):
    table = files.open(text.encode())
    assert dict(table.malformed.iter_rows()) == expected
    rows = rows_of(table)
    assert [i for i, row in enumerate(rows) if set(row) == {None}] == (
        list(expected) or ([1] if table.columns == ("a",) else [])
    )


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b;c\n1,5;2,5;x\n2,5;3,5;y\n", ";"),
        ("a\tb\n1,2\t3\n4,5\t6\n", "\t"),
        ("a|b|c\nx, y|2|3\n", "|"),
        ("name,comment\nann,hello; you\nbob,see; this\n", ","),
        ("time,value\n10:00:00,1\n11:00:00,2\n", ","),
        ('a,b\n"x;y;z",1\n"p;q;r",2\n', ","),
        ("a^b\n1^2\n3^4\n", "^"),
    ],
)
def test_the_delimiter_is_found(files, text, delimiter):
    assert files.open(text.encode()).dialect.delimiter == delimiter


@pytest.mark.parametrize("text", ["name\nann\nbob\n", "comment\nhello, you\nbye\nwell, well, well\n", "x\n1\n"])
def test_one_column_stays_one_column(files, text):
    table = files.open(text.encode())
    assert len(table.columns) == 1 and not len(table.malformed)
    assert [row[0] for row in rows_of(table)] == text.splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("a,b\n1,2\n", True),
        ("39,State-gov,77516\n50,Private,83311\n", False),
        ("country,2019,2020\nde,1.5,2.5\nfr,3,4\n", True),
        ("0,1,2\n5,6,7\n8,9,10\n", True),
        ("name,city\nann,rome\n", True),
    ],
)
def test_a_header_is_told_from_data(files, text, has_header):
    assert files.open(text.encode()).dialect.header is has_header


def test_names_are_distinct_and_never_missing(files):
    table = files.open(b"a,,a,a_2,\n1,2,3,4,5\n")
    assert table.columns == ("a", "column_2", "a_3", "a_2", "column_5")
    assert files.open(b"a,b\n1,2,\n3,4,\n").columns == ("a", "b", "column_3")
    assert files.open(b"1,2\n3,4\n", header=False).columns == ("column_1", "column_2")


@pytest.mark.parametrize(
    ("text", "comma"), [("a;b\n1,5;x\n2,25;y\n", True), ("a;b\n1.5;x\n", False), ("a;b\n1;x\n", False)]
)
def test_decimal_comma_is_found(files, text, comma):
    table = files.open(text.encode())
    assert next(table.batches()).decimal_comma is comma


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encodings_are_found(files, encoding):
    text = "name,city\n" + "José,Zürich\nAnn,Rome\n" * 30
    table = files.open(text.encode(encoding))
    assert rows_of(table)[0] == ("José", "Zürich")
    assert not len(table.bad_cells)


def test_mixed_encodings_lose_nothing_and_are_named(files):
    table = files.open("a,b\né,1\nü,2\n".encode() + b"caf\xe9,3\n" + '日,"4"\n'.encode())
    assert [row[0] for row in rows_of(table)] == ["é", "ü", "café", "日"]
    assert table.bad_cells.rows() == [(2, "a", "café", "the byte 0xE9 cannot be read as utf-8; taken as Windows-1252")]


def test_the_first_accent_may_come_late(files):
    data = b"a,b\n" + b"plain,text\n" * 200_000 + "é,x\n".encode("cp1252") * 30_000
    table = files.open(data)
    assert table.dialect.encoding == "latin-1" and not len(table.bad_cells)


def test_header_only_is_a_table_of_no_rows(files):
    for text in (b"a,b", b"a,b\n"):
        table = files.open(text)
        assert (table.rows, table.columns, list(table.batches())) == (0, ("a", "b"), [])


def test_two_thousand_columns(files):
    names = ",".join(f"n{i}" for i in range(2000))
    table = files.open((names + "\n" + ",".join("x" * 2000) + "\n").encode())
    assert len(table.columns) == 2000 and rows_of(table) == [tuple("x" * 2000)]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_cell_of_ten_megabytes(files, quoted):
    cell = "x" * 10_000_000
    text = f'a,b\n1,"{cell}\n,"\n3,4\n' if quoted else f"a,b\n1,{cell}\n3,4\n"
    table = files.open(text.encode(), block=1 << 16)
    rows = rows_of(table)
    assert len(rows[0][1]) == 10_000_000 + 2 * quoted and rows[1] == ("3", "4")


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(files):
    data = b"a,b\n" + b"1,2\n" * 50_000 + b'3,"4\n' + b"5,6\n" * 50_000
    table = files.open(data, block=1 << 14)
    assert table.malformed["row"].to_list() == [50_000] and table.rows == 100_001


def test_a_field_that_begins_with_a_byte_order_mark_keeps_it(files):
    table = files.open("a,b\n1,2\n\ufeffx,3\n".encode(), block=4)
    assert rows_of(table) == [("1", "2"), ("\ufeffx", "3")]


@pytest.mark.parametrize(
    "given_options",
    [{"delimiter": "||"}, {"delimiter": "é"}, {"quote": ","}, {"encoding": "utf-9"}, {"encoding": "cp037"}],
)
def test_impossible_options_are_refused_in_one_line(files, given_options):
    with pytest.raises(UsageError) as caught:
        files.open(b"a,b\n1,2\n", **({"delimiter": ","} | given_options))
    assert "\n" not in str(caught.value)


def test_quotes_are_ordinary_where_asked_for(files):
    assert rows_of(files.open(b'a,b\n"1,2"\n', quote="")) == [('"1', '2"')]


def test_unknown_columns_are_named(files):
    with pytest.raises(UsageError, match="no column 'z'"):
        list(files.open(b"a,b\n1,2\n").batches(columns=["z"]))


def test_what_is_no_table_is_refused_in_one_line(files, tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "picture.csv").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "torn.csv.gz").write_bytes(b"\x1f\x8b\x08\x00torn")
    for name in ("empty.csv", "folder.csv", "picture.csv", "torn.csv.gz", "absent.csv", "absent"):
        with pytest.raises(InputError) as caught:
            open_table(tmp_path / name, ReadOptions())
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_standard_input_is_read_and_forgotten(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    table = open_table("-")
    spool = table.file
    assert rows_of(table) == [("1", "2")] and table.path is None and spool.exists()
    del table
    assert not spool.exists()


@pytest.mark.parametrize(
    ("text", "columns", "short"),
    [
        ("a,b\n1,2\n3\n", ("a", "b"), [1]),
        ("a,b\n1\n3\n", ("a", "b"), [0, 1]),
        ("a;b;c\n1\n2\n3\n4;5;6\n", ("a", "b", "c"), [0, 1, 2]),
        ("when\twhat\n10:00\n11:00\n12:00\tx\n", ("when", "what"), [0, 1]),
        ("note\nhello, you\nbye\n", ("note",), []),
        ("name\nDoe,John\nRoe,Ann\nCher\n", ("name",), []),
        ('"a,b"\n1\n2\n', ("a,b",), []),
        ("1,5\n3\n4\n", ("column_1",), []),
    ],
)
def test_a_header_says_the_delimiter_where_records_are_short(tmp_path, text, columns, short):
    path = tmp_path / "ragged.csv"
    path.write_text(text)
    table = open_table(path, ReadOptions())
    assert table.columns == columns and table.malformed["row"].to_list() == short
    assert all("expected" in why for why in table.malformed["why"])
