"""Undo through the command line with the input deleted: the same bytes, for every dialect and format."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard

from kintsu.apps.cli import edge
from kintsu.run.generate import generate

pytestmark = pytest.mark.rough
COLUMNS = ("customer_id", "last_name", "email", "phone", "city", "birth_date", "lifetime_value", "note")
MADE = generate("customers", 100, seed=4, errors=0.03).dirty.select(COLUMNS)
FAST = ("--no-crash-test", "--auto", "0.5")  # many changes


@pytest.fixture
def kintsu(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0):
        capsys.readouterr()
        assert edge.run([*arguments, "--json"]) == code, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    return call


def comes_back(kintsu, name: str, *options: str) -> None:
    """Heal, delete the input, undo: the same SHA-256."""
    before = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    told = kintsu("heal", name, *FAST, *options)
    assert told["applied"] > 0 and told["steps_failed"] == []
    healed = Path(told["output"])
    assert healed.read_bytes() != Path(name).read_bytes()
    Path(name).unlink()
    back = kintsu("undo", told["run"])
    assert back["restored"] == "bytes" and back["sha256"] == before
    assert hashlib.sha256(healed.read_bytes()).hexdigest() == before


def text(delimiter: str, end: str, quoting: int, encoding: str, last: str) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(MADE.columns)
    writer.writerows([cell or "" for cell in row] for row in MADE.iter_rows())
    body = sink.getvalue().removesuffix(end) + last
    return body.encode(encoding, errors="replace")


DELIMITERS = (",", ";", "\t", "|")
ENDS = ("\n", "\r\n", "\r")
QUOTING = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "latin-1")
EVERY = list(itertools.product(DELIMITERS, ENDS, QUOTING, ENCODINGS, (True, False)))
# every value of every trait, and many pairs, in a few seconds; all of them in the slow run
SOME = random.Random(5).sample(EVERY, 12)


def check_dialect(kintsu, delimiter, end, quoting, encoding, ends_with_line):
    data = text(delimiter, end, quoting, encoding, end if ends_with_line else "")
    Path("in.csv").write_bytes(data)
    options = ("--encoding", encoding) if encoding in ("cp1252", "latin-1") else ()
    comes_back(kintsu, "in.csv", *options)


@pytest.mark.parametrize("traits", SOME, ids=lambda traits: "-".join(repr(trait) for trait in traits))
def test_a_dialect_comes_back(traits, kintsu):
    check_dialect(kintsu, *traits)


@pytest.mark.slow
@pytest.mark.parametrize("traits", EVERY, ids=lambda traits: "-".join(repr(trait) for trait in traits))
def test_every_dialect_comes_back(traits, kintsu):
    check_dialect(kintsu, *traits)


def write_format(path: Path) -> None:
    data = MADE.write_csv().encode()
    match "".join(path.suffixes):
        case ".csv.gz":
            path.write_bytes(gzip.compress(data, 9))
        case ".csv.zst":
            path.write_bytes(zstandard.ZstdCompressor(level=7).compress(data))
        case ".parquet":
            MADE.write_parquet(path, compression="snappy")
        case ".feather":
            MADE.write_ipc(path)
        case ".jsonl":
            MADE.write_ndjson(path)
        case ".json":
            path.write_text(json.dumps(MADE.to_dicts(), indent=3, ensure_ascii=True))
        case ".xlsx":
            import openpyxl

            book = openpyxl.Workbook()
            for row in [MADE.columns, *MADE.rows()]:
                book.active.append(row)
            book.save(path)


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.zst", "parquet", "feather", "jsonl", "json", "xlsx"])
def test_a_format_comes_back(suffix, kintsu):
    write_format(Path(f"in.{suffix}"))
    comes_back(kintsu, f"in.{suffix}")


@pytest.mark.parametrize("seed", range(2))
def test_parts_come_back_in_any_order(seed, kintsu):
    data = text(";", "\r\n", csv.QUOTE_MINIMAL, "utf-8-sig", "")
    Path("in.csv").write_bytes(data)
    told = kintsu("heal", "in.csv", *FAST, "--changes", "c.csv")
    Path("in.csv").unlink()
    healed = Path(told["output"]).read_bytes()
    changes = pl.read_csv("c.csv", infer_schema=False)
    columns = changes["column"].unique().sort().to_list()
    draw = random.Random(seed)
    draw.shuffle(columns)
    most = changes["column"].value_counts().sort("count", "column")["column"][-1]
    first = changes.filter(pl.col("column") == most).row(0, named=True)
    undone = [kintsu("undo", told["run"], "--row", first["row"], "--column", first["column"])]
    undone += [kintsu("undo", told["run"], "--column", column) for column in columns]
    assert undone[-1]["restored"] == "bytes" and Path(told["output"]).read_bytes() == data
    draw.shuffle(undone)
    for part in undone:  # and forward again
        kintsu("undo", part["change"])
    assert Path(told["output"]).read_bytes() == healed
    assert kintsu("log", "--verify")


def test_an_output_edited_by_hand_is_not_touched(kintsu):
    Path("in.csv").write_bytes(text(",", "\n", csv.QUOTE_MINIMAL, "utf-8", "\n"))
    told = kintsu("heal", "in.csv", *FAST)
    edited = Path(told["output"]).read_bytes() + b"x\n"
    Path(told["output"]).write_bytes(edited)
    assert kintsu("undo", told["run"], code=2)["error"]["type"] == "StaleRepair"
    assert Path(told["output"]).read_bytes() == edited
