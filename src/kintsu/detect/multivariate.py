"""Rows that are odd as a whole, with the cell that makes them so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.errors import UsageError
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.detect._forest import fit_forest
from kintsu.detect._kernels import Ecdf, Histograms, TailScale, fit_ecdf, fit_histograms, fit_tail_scale
from kintsu.profile.measures import measure_columns
from kintsu.profile.subsample import subsample

__all__ = ["DEFAULT", "METHODS", "Multivariate", "RowModel", "fit_rows"]

Floats = npt.NDArray[np.float64]

METHODS: Final = ("isolation_forest", "neighbours", "ecod", "hbos", "lof", "one_class_svm")
DEFAULT: Final = METHODS[:4]
FIT_ROWS: Final = 6_000
DONORS: Final = 2_000
NEIGHBOURS: Final = 10
MAX_COLUMNS: Final = 60
MAX_LABELS: Final = 50
ALL_ROWS: Final = 20_000  # tables up to this size are scored whole; of larger ones the rows odd by their columns
_CHUNK: Final = 65_536


@dataclass(frozen=True)
class Axes:
    """The columns as axes: measures by robust z (on the log scale where skewed), categories by rarity."""

    numbers: tuple[str, ...]
    is_log: npt.NDArray[np.bool_]
    middle: Floats
    spread: Floats
    categories: dict[str, dict[str, float]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numbers, *self.categories)

    def matrix(self, rows: Batch) -> Floats:
        """Shape (rows, columns), missing as NaN, clipped to 30 robust deviations."""
        parts = []
        for j, name in enumerate(self.numbers):
            x = rows[name].number.fill_null(float("nan")).to_numpy()
            parts.append(_scaled(x, bool(self.is_log[j]), self.middle[j], self.spread[j]))
        for name, rarity in self.categories.items():
            rare = rows[name].text.replace_strict(rarity, default=None, return_dtype=pl.Float64)
            parts.append(rare.fill_null(float("nan")).to_numpy())
        return np.column_stack(parts)


def _scaled(x: Floats, is_log: bool, middle: float, spread: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(x) if is_log else x
        result: Floats = np.clip(np.where(np.isfinite(y), (y - middle) / spread, np.nan), -30, 30)
    return result


def _axes(reference: Reference, sample: Batch) -> Axes | None:
    measures = measure_columns(reference)[:MAX_COLUMNS]
    numbers, logs, middles, spreads = [], [], [], []
    for name in measures:
        x = sample[name].number.fill_null(float("nan")).to_numpy()
        x = x[np.isfinite(x)]
        if len(x) < 0.5 * len(sample) or len(x) < 50:
            continue
        low, middle, high, top = np.quantile(x, [0.25, 0.5, 0.75, 0.99])
        is_log = bool((x > 0).mean() > 0.99 and top - middle > 4 * (middle - np.quantile(x, 0.01)))
        if is_log:
            low, middle, high = np.quantile(np.log(x[x > 0]), [0.25, 0.5, 0.75])
        spread = (high - low) / 1.35
        if spread > 0:
            numbers.append(name)
            logs.append(is_log)
            middles.append(float(middle))
            spreads.append(float(spread))
    categories: dict[str, dict[str, float]] = {}
    for name in reference.columns:
        facts = reference.column(name)
        if name in measures or not 2 <= facts.distinct <= MAX_LABELS or len(categories) + len(numbers) >= MAX_COLUMNS:
            continue
        values = reference.values(name)
        rare = -np.log(values["n"].to_numpy() / float(values["n"].sum()))
        categories[name] = dict(zip(values["value"].to_list(), np.minimum(rare, 10).tolist(), strict=True))
    if len(numbers) < 2 or len(numbers) + len(categories) < 3:
        return None
    return Axes(tuple(numbers), np.array(logs), np.array(middles), np.array(spreads), categories)


class RowScore(Protocol):
    """A fitted score of rows without gaps; larger is odder."""

    def score(self, x: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Mean distance to the nearest of some rows, the very nearest left out: for one of these it is the row itself."""

    donors: Floats

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree  # a quarter of the time that sklearn.neighbors takes to import

        return cKDTree(self.donors)

    def score(self, x: Floats) -> Floats:
        k = min(NEIGHBOURS + 1, len(self.donors))
        distance: Floats = self._tree.query(np.clip(x, -10, 10), k)[0][:, 1:].mean(axis=1)
        return distance


@dataclass(frozen=True, eq=False)
class Estimator:
    """A model of scikit-learn; it has no form in which it could be kept in a treatment."""

    model: Any

    def score(self, x: Floats) -> Floats:
        return np.asarray(-self.model.score_samples(np.clip(x, -10, 10)))


def _neighbours(x: Floats, seed: int) -> RowScore:
    return Neighbours(np.clip(x[:DONORS], -10, 10))


def _lof(x: Floats, seed: int) -> RowScore:
    from sklearn.neighbors import LocalOutlierFactor

    return Estimator(LocalOutlierFactor(n_neighbors=20, novelty=True).fit(np.clip(x[:DONORS], -10, 10)))


def _one_class_svm(x: Floats, seed: int) -> RowScore:
    from sklearn.svm import OneClassSVM

    return Estimator(OneClassSVM(nu=0.05, gamma="scale").fit(np.clip(x[:DONORS], -10, 10)))


_COSTLY: Final[dict[str, Callable[[Floats, int], RowScore]]] = {
    "isolation_forest": fit_forest,
    "neighbours": _neighbours,
    "lof": _lof,
    "one_class_svm": _one_class_svm,
}


@dataclass(frozen=True)
class RowModel:
    """Fitted scores of rows: the mean over methods of -log tail probabilities."""

    ecdf: Ecdf
    histograms: Histograms
    cheap: dict[str, TailScale]
    costly: dict[str, tuple[RowScore, TailScale]]

    def cheap_sum(self, x: Floats) -> Floats:
        total = np.zeros(len(x))
        for name, scale in self.cheap.items():
            total += scale.surprise((self.ecdf if name == "ecod" else self.histograms).score(x))
        return total

    def score(self, x: Floats) -> Floats:
        """Shape (rows,); larger is odder."""
        total = self.cheap_sum(x)
        filled = np.nan_to_num(x)  # the middle of a measure
        for method, scale in self.costly.values():
            total += scale.surprise(method.score(filled)) if len(x) else 0.0
        return total / (len(self.cheap) + len(self.costly))


def fit_rows(x: Floats, methods: tuple[str, ...] = DEFAULT, *, seed: int = 0) -> RowModel:
    """Fit the methods to rows of axes values; averaging tail probabilities beats averaging ranks."""
    ecdf, histograms = fit_ecdf(x), fit_histograms(x)
    cheap = {name: model.score(x) for name, model in (("ecod", ecdf), ("hbos", histograms)) if name in methods}
    filled = np.nan_to_num(x)
    costly: dict[str, Any] = {}
    for name, fit in _COSTLY.items():
        if name in methods:
            method = fit(filled, seed)
            costly[name] = (method, fit_tail_scale(method.score(filled)))
    return RowModel(ecdf, histograms, {name: fit_tail_scale(score) for name, score in cheap.items()}, costly)


@dataclass(frozen=True)
class Trained:
    axes: Axes
    rows: RowModel
    threshold: float  # mean -log p from which a row is named
    least: float  # HBOS below which rows of large tables are not looked at further
    is_small: bool  # then all rows are looked at


@dataclass(frozen=True)
class Multivariate:
    """Rows that several detectors of different kinds call odd, named by the cell that contributes most.

    Isolation forest, nearest neighbours, ECOD and HBOS are fitted on a sample; their scores become tail probabilities
    p and are averaged as -log p. A row is named where e times the geometric mean of its p, which is a valid p whatever
    the dependence (Vovk and Wang, "Combining p-values via averaging", Biometrika 107, 2020), is below `share`: few
    rows, since less than half of the rows that such scores call odd hold an error. The option "multivariate" names
    other methods ("lof", "one_class_svm" among them; "ecod" or "hbos" must be one).

    In tables of more than 20,000 rows only rows in the oddest 2 % by their single columns (HBOS) are scored in
    full, so that rows odd by combination alone are missed there.

    Score: from 0.5 at the threshold to 1, logistic in half of the excess of -log p.

    Parameters
    ----------
    share
        Share of clean rows that may be named, in (0, 1); at least one row of a table.
    """

    name: ClassVar[str] = "multivariate"
    kind: ClassVar[str] = "multivariate"

    share: float = 5e-4

    def train(self, reference: Reference) -> Trained | None:
        if reference.rows < 200:
            return None
        methods = tuple(reference.option("multivariate") or DEFAULT)
        unknown = set(methods) - set(METHODS)
        if unknown:
            raise UsageError(f"unknown multivariate methods {sorted(unknown)}; known: {', '.join(METHODS)}")
        sample = subsample(reference.sample, FIT_ROWS, seed=reference.seed)
        axes = _axes(reference, sample)
        if axes is None or not {"ecod", "hbos"} & set(methods):
            return None
        x = axes.matrix(sample)
        rows = fit_rows(x, methods, seed=reference.seed)
        threshold = 1 + float(np.log(reference.rows / max(1.0, self.share * reference.rows)))
        least = float(np.quantile(rows.histograms.score(x), 0.98))
        return Trained(axes, rows, threshold, least, is_small=reference.rows <= ALL_ROWS)

    def frozen(self, model: Trained | None, reference: Reference) -> Frozen:
        """The model of a large table: rows that come later are many."""
        if model is None or not model.is_small:
            return Frozen(model)
        return Frozen(replace(model, is_small=False), "only rows odd by their single columns are judged as a whole")

    def find(self, batch: Batch, model: Trained | None, reference: Reference) -> pl.DataFrame:
        if model is None or not set(model.axes.names) <= set(batch.columns):
            return concat([], FINDINGS)
        parts = []
        for start in range(0, len(batch), _CHUNK):
            index = slice(start, start + _CHUNK)
            chunk = Batch(batch.table, batch.frame[index], batch.row[index], batch.decimal_comma)
            parts.append(self._chunk(chunk, model))
        return concat(parts, FINDINGS)

    def _chunk(self, batch: Batch, model: Trained) -> pl.DataFrame:
        x = model.axes.matrix(batch)
        at = np.arange(len(x))
        if not model.is_small:
            at = np.flatnonzero(model.rows.histograms.score(x) >= model.least)
        score = model.rows.score(x[at])
        odd = score > model.threshold
        at, excess = at[odd], score[odd] - model.threshold
        cells = model.rows.ecdf.cells(x[at]) + model.rows.histograms.cells(x[at])
        ranked = np.argsort(-cells, axis=1, kind="stable")
        names = pl.Series(list(model.axes.names))
        first, second = names.gather(ranked[:, 0]), names.gather(ranked[:, min(1, cells.shape[1] - 1)])
        texts = batch.texts(list(model.axes.names))
        parts = []
        for name in first.unique(maintain_order=True).to_list():
            mine = (first == name).to_numpy()
            few = texts[at[mine]]
            share = cells[mine].max(axis=1) / np.maximum(cells[mine].sum(axis=1), 1e-9)
            frame = pl.DataFrame(
                {
                    "row": few["__row"].cast(pl.Int64),
                    "value": few[name],
                    "score": 1 / (1 + np.exp(-excess[mine] / 2)),
                    "share": pl.Series(share * 100).round(0).cast(pl.Int64),
                    "second": second.filter(pl.Series(mine)),
                }
            )
            why = pl.concat_str(
                pl.lit("this row is odd as a whole; "),
                pl.lit(name + " "),
                pl.col("value").fill_null("(empty)"),
                pl.lit(" makes "),
                "share",
                pl.lit(" % of it, "),
                "second",
                pl.lit(" comes next"),
            )
            found = frame.select("row", "value", "score", why.alias("why"))
            parts.append(findings(found, detector=self.name, kind=self.kind, column=name))
        return concat(parts, FINDINGS)
