"""Tables without rows, with one row, of nulls only, typed, and with odd names: no error, and nothing made up."""

import datetime as dt

import polars as pl
import pytest
from made import reference

from kintsu.core import registry
from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, empty

N = 60
TYPED = pl.DataFrame(
    {
        "i": [k % 7 for k in range(N)],
        "f": [(k % 7) * 1.5 for k in range(N)],
        "d": [dt.date(2024, 1, 1 + k % 7) for k in range(N)],
        "t": [dt.datetime(2024, 1, 1 + k % 7, 5) for k in range(N)],
        "u": [dt.timedelta(minutes=k % 7) for k in range(N)],
        "b": [bool(k % 2) for k in range(N)],
        "l": [[k % 7] for k in range(N)],
        "bin": [b"x" if k % 2 else b"y" for k in range(N)],
        "c": pl.Series([f"v{k % 7}" for k in range(N)], dtype=pl.Categorical),
        "n": pl.Series([None] * N, dtype=pl.Null),
    }
)
ODD = {
    "no rows": pl.DataFrame(schema={"a": pl.String, "b": pl.String}),
    "one row": pl.DataFrame({"a": ["1"], "b": ["x"]}),
    "nulls": pl.DataFrame({"a": [None] * N, "b": [None] * N}, schema={"a": pl.String, "b": pl.String}),
    "typed": TYPED,
    "names": pl.DataFrame({name: [f"{name}{k % 5}" for k in range(N)] for name in ("{a}", "row", "value", "n", "")}),
    "numbers": pl.DataFrame({"a": ["NaN", "inf", "1e308", "-1e308", "0"] * 12, "b": ["1e308", "5", "x", "", "1"] * 12}),
}
OURS = [("detectors", name) for name in ("dependency", "arithmetic", "order", "rule_violation")]
OURS += [("healers", name) for name in ("dependency_vote", "formula", "derived_text")]


def run(kind: str, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    member, ref = registry.load(kind, name)(), reference(frame)
    model = member.train(ref)
    if kind == "detectors":
        return member.find(Batch.of(frame), model, ref)
    return member.propose(Batch.of(frame), empty(FINDINGS), model, ref)[1]


@pytest.mark.parametrize("table", ODD)
def test_odd_tables_have_no_findings(table):
    for kind, name in OURS:
        assert run(kind, name, ODD[table]).is_empty(), name


def test_a_typed_cell_is_mended_as_text():
    index = pl.int_range(pl.len())
    broken = TYPED.with_columns(
        pl.when(index == 8).then(None).otherwise("d").alias("d"), pl.when(index == 9).then(99).otherwise("i").alias("i")
    )
    repairs = run("healers", "dependency_vote", broken)
    assert sorted(repairs.select("row", "column", "old", "new").iter_rows()) == [
        (8, "d", None, "2024-01-02"),
        (9, "i", "99", "2"),
    ]
