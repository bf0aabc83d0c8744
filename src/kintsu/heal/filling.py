"""Filling missing cells: which columns can be filled, from which others, and how right a filler is on hidden cells.

Shared by the imputers. Every filler is judged on cells that are known and were hidden from it (mask and score).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.frames import REPAIRS, concat, repairs
from kintsu.core.memory import remembered
from kintsu.core.recipe import Recipe
from kintsu.profile.fences import atoms_of, weighted_quantile
from kintsu.profile.measures import decimals, measure_columns
from kintsu.profile.subsample import subsample
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.numbers import print_numbers

__all__ = ["Encoding", "Filler", "Target", "chosen", "encoding_of", "fills", "is_right", "known_rows", "targets"]

Floats = npt.NDArray[np.float64]

MAX_LABELS: Final = 60  # categories of a column that can be filled by class
MAX_FEATURES: Final = 40
MAX_SUGGESTED: Final = 20_000  # empty cells of a column up to which a fill is suggested unasked
FIT_ROWS: Final = 9_000
HIDDEN_ROWS: Final = 2_000
TOLERANCE: Final = 0.1  # of the 5 % to 95 % range: how near a filled number counts as right


@dataclass(frozen=True)
class Target:
    """A column that can be filled. Numbers are right within `tolerance`; `labels` are the categories otherwise."""

    name: str
    is_number: bool
    places: int = 0
    tolerance: float = 0.0
    labels: tuple[str, ...] = ()

    def spell(self, number: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
        """Numbers as the column spells them: rounded to its decimals, whole numbers whole."""
        text = print_numbers(number.round(self.places), places=self.places)
        return text.str.replace(".", ",", literal=True) if decimal_comma else text


class Filler(Protocol):
    """A fitted way to fill one column: `operation`, `says` (in words) and `accuracy` on hidden cells, in [0, 1]."""

    @property
    def operation(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def accuracy(self) -> float: ...

    def fill(self, rows: Batch) -> pl.DataFrame:
        """`new` text and `score` for every row; null where it has no answer."""
        ...


def targets(reference: Reference) -> dict[str, Target]:
    """Columns that can be filled, in table order. Remembered."""
    found: dict[str, Target] = remembered(reference, "fill targets", lambda: _targets(reference))
    return found


def _targets(reference: Reference) -> dict[str, Target]:
    measures, found = set(measure_columns(reference)), {}
    comma = reference.sample.decimal_comma
    for name in reference.columns:
        facts = reference.column(name)
        filled = facts.rows - facts.nulls
        if filled < 20 or facts.distinct < 1:
            continue
        few = facts.distinct <= min(MAX_LABELS + 10, filled / 5)
        if few and (name not in measures or facts.distinct <= 12):
            values = reference.values(name).filter(~is_null_token(pl.col("value")))
            labels = values.sort(["n", "value"], descending=[True, False])["value"].head(MAX_LABELS).to_list()
            if labels:
                found[name] = Target(name, is_number=False, labels=tuple(labels))
        elif name in measures:
            values = reference.values(name)
            atoms = atoms_of(values, decimal_comma=comma)
            if len(atoms.x):
                low, high = weighted_quantile(atoms, np.array([0.05, 0.95]))
                places = decimals(values, decimal_comma=comma)
                found[name] = Target(name, is_number=True, places=places, tolerance=float(high - low) * TOLERANCE)
    return found


def known_rows(reference: Reference, target: Target) -> tuple[Batch, Batch]:
    """Rows of the sample whose cell of the target is known: some to fit on, and others whose cell is hidden."""
    sample = subsample(reference.sample, 3 * (FIT_ROWS + HIDDEN_ROWS), seed=reference.seed)
    column = sample[target.name]
    known = column.number.is_finite().fill_null(False) if target.is_number else column.text.is_in(list(target.labels))
    index = known.fill_null(False).arg_true()
    n_hidden = min(HIDDEN_ROWS, len(index) // 4)
    return _rows(sample, index[n_hidden : n_hidden + FIT_ROWS]), _rows(sample, index[:n_hidden])


def _rows(batch: Batch, index: pl.Series) -> Batch:
    return Batch(batch.table, batch.frame[index], batch.row.gather(index), batch.decimal_comma)


def is_right(target: Target, hidden: Batch, new: pl.Series) -> npt.NDArray[np.bool_]:
    """Whether each fill of hidden cells is right: the same category, or a number within the tolerance."""
    column = hidden[target.name]
    if target.is_number:
        filled = Column(new, decimal_comma=hidden.decimal_comma).number
        right = (filled - column.number).abs() <= target.tolerance
    else:
        right = new == column.text
    return right.fill_null(False).to_numpy()


@dataclass(frozen=True)
class Encoding:
    """Other columns as numbers: measures as they are, categories as the rank of their frequency; missing is NaN."""

    numbers: tuple[str, ...]
    categories: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return len(self.numbers) + len(self.categories)

    def matrix(self, rows: Batch) -> Floats:
        """Shape (rows, width)."""
        parts = [rows[name].number.fill_null(float("nan")).to_numpy() for name in self.numbers]
        for name, codes in self.categories.items():
            code = rows[name].text.replace_strict(codes, default=None, return_dtype=pl.Float64)
            parts.append(code.fill_null(float("nan")).to_numpy())
        matrix = np.column_stack(parts) if parts else np.empty((len(rows), 0))
        return np.where(np.isfinite(matrix), matrix, np.nan).astype(np.float64)


def encoding_of(reference: Reference, target: Target) -> Encoding:
    """The columns a target can be predicted from: measures and categories, not keys and not free text."""
    numbers: list[str] = []
    categories: dict[str, dict[str, int]] = {}
    for other in targets(reference).values():
        if other.name == target.name or len(numbers) + len(categories) >= MAX_FEATURES:
            continue
        if other.is_number:
            numbers.append(other.name)
        elif len(other.labels) > 1:
            categories[other.name] = {label: i for i, label in enumerate(other.labels)}
    return Encoding(tuple(numbers), categories)


Builder = Callable[[Reference, Target], "Filler | None"]


def chosen(reference: Reference, builders: dict[str, Builder]) -> dict[str, tuple[str, Any]]:
    """Best filler of every column by its accuracy on hidden cells: name -> (builder, filler). Remembered.

    Only columns with missing cells are judged when models take part; a costlier builder must be better by more than
    one standard error of the accuracy.
    """
    key = ("fillers", tuple(builders))
    result: dict[str, tuple[str, Any]] = remembered(reference, key, lambda: _chosen(reference, builders))
    return result


def _chosen(reference: Reference, builders: dict[str, Builder]) -> dict[str, tuple[str, Any]]:
    best: dict[str, tuple[str, Any]] = {}
    for target in targets(reference).values():
        # disguised gaps are not counted as nulls: a column without empty cells gets the cheapest filler only
        wanted = builders if reference.column(target.name).nulls else dict(list(builders.items())[:1])
        for name, build in wanted.items():
            filler = build(reference, target)
            if filler is None:
                continue
            now = best.get(target.name)
            margin = np.sqrt(0.25 / HIDDEN_ROWS) if now else 0.0
            if now is None or filler.accuracy > now[1].accuracy + margin:
                best[target.name] = (name, filler)
    return best


def fills(
    healer: str, fillers: dict[str, Filler], batch: Batch, findings: pl.DataFrame
) -> tuple[list[Recipe], pl.DataFrame]:
    """Repairs of the cells found missing, by the filler of their column."""
    missing = findings.filter(
        pl.col("kind").is_in(["missing", "disguised_missing"])
        & pl.col("row").is_not_null()
        & pl.col("column").is_not_null()
    )
    recipes, parts = [], []
    for name, filler in fillers.items():
        rows = missing.filter(pl.col("column") == name)["row"].unique()
        if name not in batch.columns or not len(rows):
            continue
        cells = _rows(batch, batch.row.is_in(rows.implode()).arg_true())
        filled = filler.fill(cells)
        frame = pl.DataFrame({"row": cells.row.cast(pl.Int64), "old": cells[name].text}).with_columns(
            filled["new"], filled["score"].clip(0.0, 0.99)
        )
        frame = frame.filter(pl.col("new").is_not_null() & pl.col("old").ne_missing(pl.col("new")))
        if not len(frame):
            continue
        recipe = Recipe(healer, name, filler.operation, f"Fill {name} with {filler.says}.", "statistical")
        why = f"{filler.says}; right for {filler.accuracy:.0%} of known cells that were hidden"
        recipes.append(recipe)
        parts.append(repairs(frame.with_columns(why=pl.lit(why)), healer=healer, recipe=recipe.id, column=name))
    return recipes, concat(parts, REPAIRS)
