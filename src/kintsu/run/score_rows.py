"""How odd each row of a table is, without labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.detect.rows import RowScorer, fit_row_scorer
from kintsu.run.typed import typed_frame

__all__ = ["score_rows"]

Floats = npt.NDArray[np.float64]

MIN_ROWS: Final = 20
MAX_LABELS: Final = 50  # distinct values up to which text counts, by how rare each is
P: Final = 0.02  # share of training rows that are as odd as a row that is named


def score_rows(train: Any, test: Any = None, *, seed: int = 0) -> pl.DataFrame:
    """Score how odd rows are as a whole, against the rows of `train`.

    An isolation forest and the distance to the nearest neighbours are fitted to numbers, times, booleans and categories
    (by how rare a value is); keys and free text are left out. Less than half of the rows that such scores name are
    errors: look at them, mend nothing on this alone.

    Parameters
    ----------
    train
        A frame, a two-dimensional array or a path, of at least 20 rows; it may hold odd rows. At most 10,000 are learnt
        from.
    test
        Rows to score, with the columns of `train`; those of `train` where None.
    seed
        Of the trees and of what is learnt from.

    Returns
    -------
    A frame with a row for each row: `score` in [0, 1), larger is odder; `p_value`, the share of training rows that are
    at least as odd; `is_anomaly`, a p-value of at most 2 %; `why`, the column whose value is rarest on its own.

    Raises
    ------
    UsageError
        Too few rows, no column to judge by, or columns missing from `test`.

    Examples
    --------
    >>> import numpy as np, kintsu as kt
    >>> rows = np.random.default_rng(0).normal(size=(500, 3))
    >>> rows[7] = [0, 9, 0]
    >>> kt.score_rows(rows)[7, "why"]
    'column_1 = 9: 0.4 % of the rows are as extreme'
    """
    known = _frame(train)
    if known.height < MIN_ROWS:
        raise UsageError(f"{known.height} rows are too few to tell which are odd: at least {MIN_ROWS} are needed")
    rarity = _axes(known)
    if not rarity:
        raise UsageError(
            f"no column to judge rows by: none of {', '.join(known.columns) or 'no columns'} holds "
            f"numbers, times or up to {MAX_LABELS} distinct values"
        )
    rows = known if test is None else _frame(test)
    missing = [name for name in rarity if name not in rows.columns]
    if missing:
        raise UsageError(f"the rows to score lack {', '.join(missing)}, which `train` has")
    scorer = fit_row_scorer(_matrix(known, rarity), seed=seed)
    is_learnt = test is None and len(scorer.learnt) == rows.height
    return _scored(scorer, rows, _matrix(rows, rarity), list(rarity), is_learnt=is_learnt)


def _frame(source: Any) -> pl.DataFrame:
    if isinstance(source, np.ndarray):
        if source.ndim != 2:
            raise UsageError(f"an array of rows has two dimensions, not {source.ndim}")
        return pl.DataFrame(source, schema=[f"column_{i}" for i in range(source.shape[1])])
    return typed_frame(source)


def _axes(frame: pl.DataFrame) -> dict[str, dict[str, float] | None]:
    """The columns that are judged, with -log of the share of each value where it is a category."""
    axes: dict[str, dict[str, float] | None] = {}
    for column in frame:
        if column.null_count() == len(column):
            continue
        if column.dtype.is_numeric() or column.dtype.is_temporal():
            axes[column.name] = None
        elif not column.dtype.is_nested() and column.dtype not in (pl.Binary, pl.Object):
            counted = column.cast(pl.String).drop_nulls().value_counts(name="n").sort(column.name)
            if 2 <= counted.height <= MAX_LABELS:
                rare = -np.log(counted["n"].to_numpy() / counted["n"].sum())
                axes[column.name] = dict(zip(counted[column.name].to_list(), rare.tolist(), strict=True))
    return axes


def _matrix(frame: pl.DataFrame, axes: dict[str, dict[str, float] | None]) -> Floats:
    parts = []
    for name, rarity in axes.items():
        column = frame[name]
        if rarity is not None:
            rarest = max(rarity.values()) + 1
            text = column.cast(pl.String)
            column = text.replace_strict(rarity, default=rarest, return_dtype=pl.Float64).set(text.is_null(), None)
        elif column.dtype.is_temporal():
            column = column.to_physical()
        parts.append(column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy())
    return np.column_stack(parts)


def _scored(scorer: RowScorer, rows: pl.DataFrame, x: Floats, names: list[str], *, is_learnt: bool) -> pl.DataFrame:
    surprise = scorer.learnt if is_learnt else scorer.surprise(x)
    p = scorer.p_values(surprise)
    column, share = scorer.oddest_column(x)
    first = pl.Series("first", names).gather(column)
    texts = pl.Series("text", [""] * len(x))
    for name in first.unique().to_list():
        texts = _shown(rows[name]).fill_null("(empty)").zip_with(first == name, texts)
    frame = pl.DataFrame(
        {"score": 1 - np.exp(-surprise), "p_value": p, "is_anomaly": p <= P, "first": first, "text": texts}
    )
    percent = _shown(pl.Series("share", (100 * share).astype(np.float64)), digits=2)
    why = pl.concat_str("first", pl.lit(" = "), "text", pl.lit(": "), percent, pl.lit(" % of the rows are as extreme"))
    return frame.select("score", "p_value", "is_anomaly", why=why)


def _shown(column: pl.Series, digits: int = 6) -> pl.Series:
    """Cells as text, fractions to so many significant digits."""
    if not column.dtype.is_float():
        return column.cast(pl.String)
    return column.round_sig_figs(digits).cast(pl.String).str.strip_suffix(".0")
