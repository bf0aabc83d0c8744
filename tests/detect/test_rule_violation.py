"""Declared rules: every kind finds what breaks it and nothing else."""

import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.detect.rule_violation import RuleViolation
from kintsu.rules import yaml
from kintsu.testing.checks import check_detector

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

from made import reference

TABLE = pl.DataFrame(
    {
        "id": ["1", "2", "2", None],
        "age": ["7", "-1", "200", "x"],
        "state": ["NY", "XX", "CA", None],
        "zip": ["10018", "1001", "94105", None],
        "sent": ["2024-01-05", "2024-01-02", "2024-01-09", None],
        "seen": ["2024-01-06", "2024-01-01", None, "2024-01-01"],
        "a": ["2", "2", "2", "2"],
        "b": ["3", "3", "x", "3"],
        "c": ["6", "7", "6", None],
    }
)
RULES = """
- {kind: unique, column: id}
- {kind: range, column: age, min: 0, max: 120}
- {kind: domain, column: state, values: [NY, CA]}
- {kind: pattern, column: zip, pattern: '\\d{5}'}
- {kind: not_null, column: state, when: {a: 2}}
- {kind: order, columns: [sent, seen]}
- {kind: arithmetic, formula: c = a * b}
- {kind: inclusion, column: state, table: states, of: code}
- {kind: range, column: sent, max: 2024-01-08}
- {kind: fd, left: [zip], right: state}
- {kind: fd, left: [id], right: zip}
"""
TABLES = {"states": pl.DataFrame({"code": ["NY", "XX"]})}


def found(rules: str, frame: pl.DataFrame = TABLE):
    ref = reference(frame, rules=yaml.parse(rules), tables=TABLES)
    detector = RuleViolation()
    hits = detector.find(Batch.of(frame), detector.train(ref), ref)
    return sorted(hits.select("row", "column", "kind").iter_rows())


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, [(1, "id", "key"), (2, "id", "key")]),
        (1, [(1, "age", "range"), (2, "age", "range")]),
        (2, [(1, "state", "domain")]),
        (3, [(1, "zip", "format")]),
        (4, [(3, "state", "missing")]),
        (5, [(1, "seen", "order")]),
        (6, [(1, "c", "arithmetic")]),
        (7, [(2, "state", "inclusion")]),
        (8, [(2, "sent", "range")]),
        (9, []),
        (10, [(1, "zip", "dependency"), (2, "zip", "dependency")]),
    ],
)
def test_each_kind_finds_what_breaks_it(number, expected):
    assert found(RULES.strip().splitlines()[number]) == expected


def test_a_key_has_no_gaps():
    assert found("- {kind: key, column: id}") == [(1, "id", "key"), (2, "id", "key"), (3, "id", "key")]


def test_an_unknown_column_is_told_with_the_nearest():
    with pytest.raises(UsageError, match="no column 'stat' in the table; did you mean 'state'"):
        found("- {kind: not_null, column: stat}")


def test_an_unknown_table_is_told():
    with pytest.raises(UsageError, match="no table 'stats' was handed in; did you mean 'states'"):
        found("- {kind: inclusion, column: state, table: stats}")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "300", "x", None]), st.sampled_from(["1", "2", None])), min_size=1)
)
def test_keeps_the_detector_contract(cells):
    frame = pl.DataFrame(cells, schema={"age": pl.String, "id": pl.String}, orient="row")
    rules = (
        "- {kind: range, column: age, max: 9}\n- {kind: key, columns: [id, age]}\n- {kind: order, columns: [id, age]}"
    )
    check_detector(RuleViolation(), Batch.of(frame), reference(frame, rules=yaml.parse(rules)))


def test_typed_columns_are_judged_by_their_type():
    typed = TABLE.with_columns(
        pl.col("sent", "seen").str.to_date(),
        pl.col("age").cast(pl.Int64, strict=False),
        pl.col("a", "c").cast(pl.Int64),
    )
    for number, expected in ((1, [(1, "age", "range"), (2, "age", "range")]), (5, [(1, "seen", "order")])):
        assert found(RULES.strip().splitlines()[number], typed) == expected
    assert found(RULES.strip().splitlines()[8], typed) == [(2, "sent", "range")]
