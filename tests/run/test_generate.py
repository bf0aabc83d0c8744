"""Made-up tables: the clean one obeys its rules, the truth is exactly the difference, the seed decides everything."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kintsu.core.errors import OutputError, UsageError
from kintsu.run.generate import KINDS, generate, write

KIND = st.sampled_from(sorted(KINDS))


@settings(max_examples=25, deadline=None)
@given(kind=KIND, rows=st.integers(0, 300), seed=st.integers(0, 9), errors=st.floats(0, 0.3))
def test_truth_is_exactly_the_difference(kind, rows, seed, errors):
    made = generate(kind, rows, seed=seed, errors=errors)
    copies = made.truth.filter(pl.col("kind") == "duplicate")
    cells = made.truth.filter(pl.col("kind") != "duplicate")
    assert len(made.clean) == rows
    assert len(made.dirty) == rows + len(copies)
    different = 0
    for name in made.clean.columns:
        part = cells.filter(column=name)
        assert made.clean[name].gather(part["row"]).eq_missing(part["original"]).all()
        assert made.dirty[name].gather(part["row"]).eq_missing(part["value"]).all()
        different += int((~made.clean[name].eq_missing(made.dirty[name][:rows])).sum())
    assert different == len(cells) == len(cells.unique(["row", "column"]))
    assert_frame_equal(made.dirty[rows:], made.dirty[copies["original"].cast(pl.Int64)])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_same_seed_gives_the_same_tables_and_another_seed_others(kind):
    first, second, third = (generate(kind, 200, seed=seed) for seed in (1, 1, 2))
    assert_frame_equal(first.dirty, second.dirty)
    assert_frame_equal(first.truth, second.truth)
    assert not first.clean.equals(third.clean)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_share_of_wrong_cells_is_what_was_asked_for(kind):
    made = generate(kind, 5_000, seed=3, errors=0.02)
    wrong = len(made.truth.drop_nulls("column")) / (made.clean.height * made.clean.width)
    assert wrong == pytest.approx(0.02, rel=0.1)
    assert len(generate(kind, 100, errors=0).truth) == 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_error_occurs(kind):
    found = set(generate(kind, 3_000, seed=5, errors=0.03).truth["kind"])
    assert {"typo", "missing", "null_token", "date_format", "number_format", "unit", "case", "blanks"} <= found
    assert {"dependency", "outlier", "swapped", "glued", "duplicate"} <= found


def depends(frame: pl.DataFrame, key: str, value: str) -> bool:
    return frame.group_by(key).agg(pl.col(value).n_unique())[value].max() == 1


def test_clean_customers_obey_their_rules():
    clean = generate("customers", 3_000, seed=2).clean
    assert clean["customer_id"].is_unique().all()
    assert all(depends(clean, "postcode", column) for column in ("city", "state", "country"))
    born, signed, last = (clean[name].str.to_date() for name in ("birth_date", "signup_date", "last_order_date"))
    assert (born < signed).all()
    assert (signed <= last.drop_nulls().extend_constant(None, 0)).all() if not last.null_count() else True
    assert clean["phone"].str.contains(r"^\+1-\d{3}-\d{3}-\d{4}$").all()
    assert clean["email"].str.contains(r"^[a-z]+\.[a-z]+\d+@[a-z.]+$").all()


def test_clean_orders_obey_their_rules():
    clean = generate("orders", 3_000, seed=2).clean
    assert clean["order_id"].is_unique().all()
    assert all(depends(clean, "sku", column) for column in ("product", "category", "unit_price"))
    assert depends(clean, "customer_id", "customer_email")
    quantity, price, off, total = (
        clean[name].cast(pl.Float64) for name in ("quantity", "unit_price", "discount_pct", "total")
    )
    assert ((quantity * price * (1 - off / 100) - total).abs() <= 0.0051).all()
    ordered, shipped = (clean[name].str.to_date() for name in ("order_date", "ship_date"))
    assert (ordered < shipped).fill_null(True).all()
    assert ordered.is_sorted()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_are_written_whole_with_their_truth(suffix, tmp_path):
    made = generate("orders", 50, seed=1, errors=0.05)
    out, clean = tmp_path / f"o{suffix}", tmp_path / f"clean{suffix}"
    assert {path.name for path in write(made, out, clean=clean)} == {
        f"o{suffix}",
        f"o{suffix}.truth{suffix}",
        f"clean{suffix}",
    }
    read = pl.read_parquet if suffix == ".parquet" else lambda path: pl.read_csv(path, infer_schema=False)
    assert_frame_equal(read(out), made.dirty)
    assert_frame_equal(read(clean), made.clean)
    with pytest.raises(OutputError, match="exists already"):
        write(made, out)
    write(made, out, force=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "planets"}, "known: customers, orders"),
        ({"kind": "orders", "rows": -1}, "0 or more"),
        ({"kind": "orders", "errors": 0.9}, "between 0 and 0.3"),
    ],
)
def test_a_wrong_call_says_what_is_allowed(arguments, words):
    with pytest.raises(UsageError, match=words):
        generate(**arguments)


def test_the_bundled_table_is_what_its_command_makes(tmp_path):
    bundled = Path(__file__).parents[2] / "examples"
    write(generate("customers", 2_000, seed=7, errors=0.02), tmp_path / "customers.csv")
    for name in ("customers.csv", "customers.csv.truth.csv"):
        assert (tmp_path / name).read_bytes() == (bundled / name).read_bytes()
    assert (bundled / "customers.csv").stat().st_size < 400_000
