"""Which columns hold measured numbers, and which numbers are strange in a column that repeats few values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.contracts import ColumnFacts, Reference
from kintsu.core.memory import remembered
from kintsu.profile.fences import Atoms, atoms_of

__all__ = ["column_atoms", "decimals", "doubled_values", "is_measure", "measure_columns", "strays"]

# Semantic types whose digits name a thing instead of measuring one.
NAMES: Final = frozenset(
    {"key", "id", "identifier", "uuid", "phone", "postcode", "code", "ip", "date", "datetime", "time", "year"}
    | {"email", "url", "country", "coordinates", "iban", "lei", "isin", "isbn", "issn", "ean", "payment_card"}
)
DOUBLED: Final = r"^(?:00|11|22|33|44|55|66|77|88|99|\.\.|,,|--)+$"
MAX_STRAY_COUNT = 8  # a number used more often than this is rare, but meant
MAX_STRAY_SHARE = 0.08  # more rare values than this are the habit of the column


def is_measure(facts: ColumnFacts, values: pl.DataFrame) -> bool:
    """Whether arithmetic on the column makes sense: numbers, but no keys, codes or numbers that name things.

    `values` are the column's distinct texts with counts.
    """
    if not facts.is_numeric or facts.semantic_type in NAMES or not len(values):
        return False
    total = int(values["n"].sum())
    text = values["value"].str.strip_chars().str.strip_chars_start("-+")
    if facts.type != "integer":
        # whole numbers read as floats where the column has gaps: 60047.0
        padded = text.str.contains(r"^\d+\.0+$")
        if int(values["n"].filter(padded).sum()) < 0.99 * total:
            return True
        text = text.str.replace(r"\.0+$", "")
        widths = (
            pl.DataFrame({"width": text.str.len_chars(), "n": values["n"]}).group_by("width").agg(pl.col("n").sum())
        )
        usual = widths.sort(["n", "width"])
        if usual["width"][-1] >= 5 and usual["n"][-1] > 0.9 * total:
            return False
    lead = int(values["n"].filter(text.str.contains(r"^0\d")).sum())
    if lead > 0.001 * total:  # 007 is a code
        return False
    whole = total >= 20 and len(values) >= 0.95 * total
    if not whole:
        return True
    lengths = pl.DataFrame({"length": text.str.len_chars(), "n": values["n"]}).group_by("length").agg(pl.col("n").sum())
    same_length = max(lengths["n"].to_list()) / total
    number = atoms_of(values).x
    dense = len(number) > 1 and (
        number[int(0.95 * (len(number) - 1))] - number[int(0.05 * (len(number) - 1))]
    ) < 30 * len(number)
    return not (same_length > 0.9 or dense)


def measure_columns(reference: Reference) -> list[str]:
    """Names of the columns that hold measured numbers, in table order. Remembered."""

    def build() -> tuple[str, ...]:
        numeric = [name for name in reference.columns if reference.column(name).is_numeric]
        return tuple(name for name in numeric if is_measure(reference.column(name), reference.values(name)))

    names: tuple[str, ...] = remembered(reference, "measures", build)
    return list(names)


def column_atoms(reference: Reference, name: str) -> Atoms:
    """Distinct numbers of a column over all rows."""
    return atoms_of(reference.values(name), decimal_comma=reference.sample.decimal_comma)


def decimals(values: pl.DataFrame, *, decimal_comma: bool = False) -> int:
    """Digits after the mark that the most rows of a column show, 0 to 15; among equals the largest."""
    mark = "," if decimal_comma else "."
    shown = values["value"].str.strip_chars().str.extract(rf"^[-+]?\d*\{mark}(\d*)$").str.len_chars().fill_null(0)
    grouped = pl.DataFrame({"d": shown, "n": values["n"]}).group_by("d").agg(pl.col("n").sum()).sort(["n", "d"])
    return min(int(grouped["d"][-1]), 15) if len(grouped) else 0


@dataclass(frozen=True)
class Strays:
    """Rare numbers of a column that otherwise repeats few values: `x`, `n`; and how often the others occur at least."""

    table: pl.DataFrame
    distinct: int
    least: int


def strays(atoms: Atoms) -> Strays | None:
    """Numbers that occur hardly ever in a column whose other numbers all occur often.

    A clean column's counts fade smoothly (Zipf, geometric, Poisson): some values occur once, some twice, some four
    times. Here counts must have a hole: nothing between the stray counts and three times as many. Beyond the
    repeated values strays keep a distance of their whole width: the next step of a ladder is rare by nature. Between
    them only very few may be strays, since some columns mix list prices with free ones, and no whole numbers.
    None where the column has no such hole.
    """
    total = atoms.total
    if total < 100:
        return None
    for rare in range(int(np.clip(total / 200, 1, MAX_STRAY_COUNT)), 0, -1):
        core, few = atoms.n >= max(3 * rare, 10), atoms.n <= rare
        if few.any() and (core | few).all() and core.sum() >= 2 and core.sum() <= total / 20:
            break
    else:
        return None
    inside = atoms.x[core]
    width = inside[-1] - inside[0]
    beyond = few & ((atoms.x < inside[0] - width) | (atoms.x > inside[-1] + width))
    # whole numbers may be codes, and a rare code is a rare category
    between = few & (atoms.x > inside[0]) & (atoms.x < inside[-1]) & (atoms.step < 1)
    hit = np.zeros(len(atoms.x), np.bool_)
    for part, most in ((beyond, MAX_STRAY_SHARE), (between, MAX_STRAY_SHARE / 5)):
        if atoms.n[part].sum() <= most * total:
            hit |= part
    if not hit.any():
        return None
    table = pl.DataFrame({"x": atoms.x[hit], "n": atoms.n[hit].astype("int64")})
    return Strays(table, int(core.sum()), int(atoms.n[core].min()))


def _form(text: pl.Expr) -> pl.Expr:
    """Length of a text and whether it has a decimal mark, as `form`."""
    stripped = text.str.strip_chars()
    return pl.concat_str(stripped.str.len_chars(), stripped.str.contains("[.,]")).alias("form")


def doubled_values(values: pl.DataFrame) -> pl.DataFrame:
    """Texts in which every character was typed twice; empty where that is chance.

    Columns: `value` and `n`, `single` and `n_single` for the text written once, which the column holds too, and
    `n_all`: the cells of all doubled texts of the same form (length, decimal mark), also of those whose single form is
    unknown here; `n_known`: those of them whose single form is known.

    A number such as 55 is made of doubled characters by nature, so its neighbours decide: doubled numbers must be at
    least five times as frequent as the rarer one of the two numbers beside each of them, and at least three distinct
    ones must have a single form (5) that the column holds more often.
    """
    chosen = values.with_columns(pl.col("value").str.strip_chars().alias("__text"))
    hits = chosen.filter(pl.col("__text").str.contains(DOUBLED))
    single = hits["__text"].str.split("").list.gather_every(2).list.join("")
    known = values.group_by(pl.col("value").alias("single")).agg(pl.col("n").sum().alias("n_single"))
    found = (
        hits.select("value", "n", single.alias("single"))
        .join(known, on="single", how="inner", maintain_order="left")
        .filter(pl.col("n_single") > pl.col("n"))
        .with_columns(_form(pl.col("value")))
        .join(hits.group_by(_form(pl.col("value"))).agg(n_all=pl.col("n").sum()), on="form", maintain_order="left")
        .with_columns(n_known=pl.col("n").sum().over("form"))
        .drop("form")
    )
    if len(found) < 3:
        return found.clear()
    number = found["value"].str.strip_chars().cast(pl.Int64, strict=False)
    beside = [
        found.select((number + step).cast(pl.String).alias("value"))
        .join(values.select("value", pl.col("n").alias("m")), on="value", how="left", maintain_order="left")["m"]
        .fill_null(0)
        for step in (-1, 1)
    ]
    expected = pl.DataFrame(beside[:1]).select(pl.min_horizontal(beside[0], beside[1].alias("other"))).to_series().sum()
    return found if found["n"].sum() >= 5 * (expected + 1) else found.clear()
