"""Make a realistic dirty table of which every error is known: `kintsu generate customers|orders`."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from kintsu.core.errors import OutputError, UsageError
from kintsu.io.store.atomic import explained, rename, temporary
from kintsu.run.generate.customers import customers
from kintsu.run.generate.damage import TRUTH, Plan, damage
from kintsu.run.generate.orders import orders

__all__ = ["KINDS", "TRUTH", "Generated", "generate", "write"]

_KIND_OF: Final = {
    "other_value": "dependency",
    "wrong_sum": "arithmetic",
    "money_unit": "unit",
    "weight_unit": "unit",
    "date_outlier": "outlier",
}
_WORD: Final = ("typo", "missing", "null_token")

_CUSTOMERS: Final = Plan(
    {
        "first_name": ("typo", "case", "blanks"),
        "last_name": ("missing", "case"),
        "email": ("typo", "missing", "null_token", "case"),
        "phone": ("phone_format", "missing", "null_token"),
        "street": ("blanks", "missing"),
        "postcode": ("missing", "other_value"),
        "city": (*_WORD, "case", "other_value"),
        "state": (*_WORD, "case", "other_value"),
        "country": ("typo", "missing", "case"),
        "birth_date": ("date_format", "date_outlier", "missing"),
        "signup_date": ("date_format", "null_token"),
        "segment": ("typo", "case", "missing"),
        "contact": ("typo", "null_token"),
        "orders": ("outlier",),
        "lifetime_value": ("number_format", "money_unit", "outlier", "missing"),
    },
    _KIND_OF,
    swapped=(("first_name", "last_name"), ("city", "state")),
    glued=(("city", "state", ", "),),
)
_ORDERS: Final = Plan(
    {
        "order_date": ("date_format", "missing", "date_outlier"),
        "ship_date": ("date_format", "null_token"),
        "status": ("typo", "case", "missing"),
        "customer_email": ("typo", "missing", "other_value"),
        "city": ("typo", "blanks", "missing", "other_value"),
        "sku": ("typo", "missing"),
        "product": ("typo", "case", "missing", "other_value"),
        "category": ("typo", "case", "null_token", "other_value"),
        "quantity": ("outlier", "missing"),
        "unit_price": ("money_unit", "number_format", "missing", "outlier"),
        "discount_pct": ("null_token",),
        "total": ("wrong_sum", "outlier", "money_unit", "number_format", "missing"),
        "weight_kg": ("weight_unit", "outlier", "null_token"),
        "payment": ("typo", "case", "blanks"),
    },
    _KIND_OF,
    swapped=(("order_date", "ship_date"), ("product", "category")),
    glued=(("sku", "product", " "),),
)

KINDS: Final = {"customers": (customers, _CUSTOMERS), "orders": (orders, _ORDERS)}


class Generated(NamedTuple):
    """A dirty table, the clean one (its rows are the first rows of the dirty one), and every error.

    `truth` has the columns of `TRUTH`: row, column, kind, original, value. Copies of rows stand at the end of `dirty`.
    """

    dirty: pl.DataFrame
    clean: pl.DataFrame
    truth: pl.DataFrame


def generate(
    kind: Literal["customers", "orders"], rows: int = 2_000, *, seed: int = 0, errors: float = 0.02
) -> Generated:
    """Make `rows` rows of a kind, with about a share `errors` of all cells wrong, in [0, 0.3].

    All columns are text, as in a CSV file: that is where wrong formats can stand. The same arguments give the same
    tables on every machine.

    Raises
    ------
    UsageError
        An unknown kind, a negative number of rows, or a share out of range.

    Examples
    --------
    >>> made = generate("orders", 100, seed=1)
    >>> len(made.clean), made.clean["order_id"][0]
    (100, '100001')
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of table {kind!r}; known: {', '.join(KINDS)}")
    if rows < 0:
        raise UsageError(f"rows is {rows}; it must be 0 or more")
    if not 0 <= errors <= 0.3:
        raise UsageError(f"errors is {errors}; it is a share of cells between 0 and 0.3")
    make, plan = KINDS[kind]
    word = zlib.crc32(kind.encode())  # two kinds with one seed share nothing
    clean = make(rows, np.random.default_rng([seed, word]))
    dirty, truth = damage(clean, plan, errors, np.random.default_rng([seed, word, 1]))
    return Generated(dirty, clean, truth)


def write(made: Generated, out: Path | str, *, clean: Path | str | None = None, force: bool = False) -> list[Path]:
    """Write the dirty table, its truth beside it (`OUT.truth.csv` or `.truth.parquet`, as OUT), and the clean table
    where asked for. CSV, or Parquet by suffix. Returns what was written.

    Raises
    ------
    OutputError
        A file exists already (without `force`), or cannot be written.
    """
    dirty = Path(out)
    truth = dirty.with_name(f"{dirty.name}.truth{dirty.suffix}")
    files = {dirty: made.dirty, truth: made.truth} | ({Path(clean): made.clean} if clean is not None else {})
    for path in files:
        if path.suffix.lower() not in (".csv", ".parquet"):
            raise UsageError(f"{path}: generate writes .csv and .parquet files")
        if path.exists() and not force:
            raise OutputError(f"{path} exists already: choose another name, or overwrite it with --force")
    for path, frame in files.items():
        with explained(path), temporary(path) as fresh:
            _write(frame, fresh, is_csv=path.suffix.lower() == ".csv")
            rename(fresh, path, replace=force)
    return list(files)


def _write(frame: pl.DataFrame, path: Path, *, is_csv: bool) -> None:
    if is_csv:
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
