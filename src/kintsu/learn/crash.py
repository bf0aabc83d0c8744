"""The crash test: break cells that look clean, treat the broken copy, and see what is found and mended.

It needs no labels, for it knows what it broke. It knows only the operations of `damage`, so its figures read "of the
mistakes that we know how to make".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, as_text
from kintsu.core.hashing import text_hash
from kintsu.core.recipe import Recipe
from kintsu.learn.damage import NUMBER_OPERATIONS, TEXT_OPERATIONS, break_texts
from kintsu.learn.echo import ECHO, echo

__all__ = ["CrashResult", "break_cells", "families", "judge"]

SHARE: Final = 0.01  # of the cells of a column: enough to learn from, too few to change what is normal
LEAST, MOST = 12, 400  # broken cells per column: below 12 an interval says nothing; above 400 it hardly narrows
LEAST_OWN = 30  # cells of a column broken as others of it are: they alone can lift a confidence
LEAST_CLEAN = 20  # columns with fewer clean cells are not broken
_BY: Final = {"column": "column", "kind": "operation"}
# A word that stands for a lost value is mended in form by an empty cell. The value itself is gone, and nothing in this
# table tells whether the right table holds an empty cell there.
EMPTIED: Final = (pl.col("operation") == "null_word") & pl.col("new").is_null()


@dataclass(frozen=True)
class CrashResult:
    """What was broken, and what became of it.

    broken      row, column, operation, original, value, found (bool), mended (bool), proposed (the best new text)
    proposals   one line per repair that a healer proposed on the broken copy (its best of each cell): healer, column,
                recipe, family (of `families`), score, status, right. Status is "hit" for a cell that was
                broken (`right` says whether the original came back), "needless" for a cell that was not broken and
                got no such repair before, "known" for a repair that the sound table gets too, or for another value of
                a cell that this healer mends there too (a median moves), and "emptied" for a lost value of which only
                the word that stands for it is taken away: these two say nothing
    """

    broken: pl.DataFrame
    proposals: pl.DataFrame

    def summary(self) -> dict[str, Any]:
        """Detection recall, repair precision and recall: overall, by column and by operation, with 90 % intervals."""
        n = len(self.broken)
        found, mended = int(self.broken["found"].sum()), int(self.broken["mended"].sum())
        hits, needless, right = self._counts(self.proposals)
        return {
            "broken": n,
            "detection": {
                "recall": _share(found, n),
                "interval": wilson(found, n),
                **{f"by_{name}": self._by(key, "found") for name, key in _BY.items()},
            },
            "repair": {
                "precision": precision(hits, right, needless, len(self.proposals)),
                "precision_interval": wilson(right, hits),
                "recall": _share(mended, n),
                "interval": wilson(mended, n),
                "needless": _share(needless, len(self.proposals)),
                **{f"by_{name}": self._by(key, "mended") for name, key in _BY.items()},
            },
            "by_healer": {
                str(name): {
                    "proposed": hits,
                    "needless": needless,
                    "precision": precision(hits, right, needless, len(part)),
                    "interval": wilson(right, hits),
                }
                for (name,), part in self.proposals.sort("healer").group_by("healer", maintain_order=True)
                for hits, needless, right in [self._counts(part)]
            },
        }

    def _by(self, key: str, what: str) -> dict[str, Any]:
        """Share of broken cells that were found or mended, with its interval: by column or by kind of mistake."""
        counted = self.broken.group_by(key).agg(pl.len(), pl.col(what).sum().alias("good")).sort(key)
        return {
            str(name): {"broken": size, "recall": _share(good, size), "interval": wilson(good, size)}
            for name, size, good in counted.iter_rows()
        }

    @staticmethod
    def _counts(part: pl.DataFrame) -> tuple[int, int, int]:
        """Hits, needless repairs, and right ones among the hits."""
        hit = part["status"] == "hit"
        return int(hit.sum()), int((part["status"] == "needless").sum()), int((part["right"] & hit).sum())


def precision(hits: int, right: int, needless: int, proposed: int) -> float | None:
    """Expected share of right repairs: right among those of broken cells, times the share that was not needless.

    >>> precision(10, 9, 10, 100)
    0.81
    """
    if not proposed or not hits + needless:
        return None
    return round((right / hits if hits else 0.0) * (1 - needless / proposed), 4)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def wilson(right: float, n: int, z: float = 1.645) -> list[float] | None:
    """Wilson score interval of a share (90 % by default); None where nothing was tried.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.

    >>> wilson(9, 10)
    [0.6523, 0.9774]
    """
    if not n:
        return None
    p, zz = right / n, z * z / n
    centre, half = (p + zz / 2) / (1 + zz), z * float(np.sqrt(p * (1 - p) / n + zz / (4 * n))) / (1 + zz)
    return [round(max(centre - half, 0), 4), round(min(centre + half, 1), 4)]


def break_cells(
    sample: Batch, dirty: pl.DataFrame, numeric: set[str], seed: int, own: pl.DataFrame | None = None
) -> tuple[Batch, pl.DataFrame]:
    """A copy of the sample, as text, with some clean-looking cells broken, and the list of what was broken.

    Beside the everyday mistakes of `damage`, columns get the table's `own` mistakes (`echo.edits_of`) in other cells.

    `dirty` lists cells (`row`, `column`) that are not believed clean: they are never chosen. Cells are chosen by a
    generator seeded from `seed` and the column's name over the rows in content order, so the order of rows plays no
    part: ties stand between equal rows only.
    """
    texts = sample.texts()
    places = texts.select("__row", __at=pl.int_range(pl.len()), __content=texts.drop("__row").hash_rows(seed=seed))
    broken, columns = [], []
    for name in sample.columns:
        rng = np.random.default_rng([seed, text_hash(name)])
        column = as_text(texts[name])
        suspects = dirty.filter(pl.col("column") == name)["row"]
        clean = places.with_columns(column.alias("original")).filter(
            pl.col("original").is_not_null() & (pl.col("original").str.strip_chars() != ""),
            ~pl.col("__row").is_in(suspects.implode()),
        )
        habits = own.filter(pl.col("column") == name) if own is not None else pl.DataFrame()
        part = _break_column(name, clean, rng, NUMBER_OPERATIONS if name in numeric else TEXT_OPERATIONS, habits)
        if len(part):
            broken.append(part.drop("__at"))
            column = column.clone().scatter(part["__at"], part["value"])
        columns.append(column.alias(name))
    frame = pl.DataFrame(columns)
    schema = {"row": pl.Int64, "column": pl.String, "operation": pl.String, "original": pl.String, "value": pl.String}
    listed = pl.concat(broken) if broken else pl.DataFrame(schema=schema)
    return Batch(sample.table, frame, sample.row, sample.decimal_comma), listed


def _break_column(
    name: str, clean: pl.DataFrame, rng: np.random.Generator, operations: Any, own: pl.DataFrame
) -> pl.DataFrame:
    """What becomes of some of the `clean` cells (`__row`, `__at`: position, `__content`, `original`) of a column."""
    if len(clean) < LEAST_CLEAN:
        return pl.DataFrame()
    ordered = clean.sort("original", "__content", "__row")
    n = int(min(max(LEAST, SHARE * len(clean)), MOST, len(clean) // 5))
    order = rng.permutation(len(ordered))
    names = np.array(list(operations))[np.arange(n) % len(operations)]
    rng.shuffle(names)
    if len(own):
        n_own = int(min(max(LEAST_OWN, SHARE * len(clean)), MOST, len(clean) // 10))
        names = np.concatenate([names, np.full(n_own, ECHO)])
    at = np.argsort(order[: len(names)])
    chosen, names = ordered[order[at]], names[at]
    domain = ordered["original"].unique(maintain_order=True)
    values, taken = [], []
    for operation in (*operations, ECHO):
        lines = np.flatnonzero(names == operation)
        if len(lines):
            texts = chosen["original"].gather(lines)
            value = echo(texts, own, rng) if operation == ECHO else break_texts(operation, texts, domain, rng)
            values.append(pl.Series("value", value, dtype=pl.String))
            taken.append(lines)
    lines = np.concatenate(taken)
    broken = chosen[lines].select(
        "__at",
        row=pl.col("__row").cast(pl.Int64),
        column=pl.lit(name),
        operation=pl.Series(names[lines], dtype=pl.String),
        original="original",
        value=pl.concat(values),
    )
    return broken.filter(~pl.col("original").eq_missing(pl.col("value")))


def families(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """What each recipe does, in any column: recipes of one family are judged together."""
    return {key: str(recipe.parameters.get("says", recipe.operation)) for key, recipe in recipes.items()}


def judge(
    broken: pl.DataFrame,
    findings: pl.DataFrame,
    repairs: pl.DataFrame,
    before: pl.DataFrame,
    recipes: Mapping[str, Recipe],
) -> CrashResult:
    """Compare what was broken with what was found and proposed on the broken copy.

    `before` are the repairs proposed on the sound table: the same repair of an untouched cell says nothing. `recipes`
    are those of `repairs`.
    Of several repairs of one cell only the one with the highest score is judged.
    """
    key = ["row", "column"]
    cells = repairs.filter(pl.col("edit") == "set").sort("score", "healer", "new", descending=[True, False, False])
    best = cells.unique(key, keep="first", maintain_order=True).select(*key, "new", "healer", "recipe", "score")
    seen = pl.concat([findings.select(key).drop_nulls(), best.select(key)]).unique()
    told = (
        broken.join(seen.with_columns(found=True), on=key, how="left")
        .join(best.select(*key, proposed="new", __made=True), on=key, how="left")
        .with_columns(pl.col("found").fill_null(False))
        .with_columns(mended=pl.col("__made").fill_null(False) & pl.col("proposed").eq_missing(pl.col("original")))
        .drop("__made")
        .sort(key)
    )
    return CrashResult(told, _judged(cells, broken, before, families(recipes)))


def _judged(cells: pl.DataFrame, broken: pl.DataFrame, before: pl.DataFrame, family: Mapping[str, str]) -> pl.DataFrame:
    """Each healer's best proposal of each cell, with its status; see `CrashResult`."""
    key = ["row", "column"]
    own = cells.unique([*key, "healer"], keep="first", maintain_order=True)
    known = before.select(*key, "new").unique().with_columns(__known=True)
    touched = before.filter(pl.col("edit") == "set").select(*key, "healer").unique().with_columns(__touched=True)
    hit = pl.col("__hit").fill_null(False)
    status = (
        pl.when(hit & EMPTIED)
        .then(pl.lit("emptied"))
        .when(hit)
        .then(pl.lit("hit"))
        .when(pl.col("__known").fill_null(False) | pl.col("__touched").fill_null(False))
        .then(pl.lit("known"))
        .otherwise(pl.lit("needless"))
    )
    return (
        own.join(broken.select(*key, "original", "operation", __hit=True), on=key, how="left")
        .join(known, on=[*key, "new"], how="left", nulls_equal=True)
        .join(touched, on=[*key, "healer"], how="left")
        .with_columns(
            status=status,
            family=pl.col("recipe").replace_strict(family, default="", return_dtype=pl.String),
            right=hit & pl.col("new").eq_missing(pl.col("original")),
        )
        .select("healer", "column", "recipe", "family", "score", "status", "right")
        .sort(pl.all())
    )
