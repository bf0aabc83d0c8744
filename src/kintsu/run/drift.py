"""How far a table is from an earlier one, or from a history: by column and as a whole, beside what chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.monitor.drift.columns import MEASURES, MIN_BATCHES, ColumnDrift, column_drift, holm
from kintsu.monitor.drift.counts import count
from kintsu.monitor.drift.features import features
from kintsu.monitor.drift.joint import Joint, beside_past, joint_drift
from kintsu.run.typed import typed_frame

__all__ = ["DriftResult", "drift"]

Floats = npt.NDArray[np.float64]

PAST: Final = 6  # batches of a history that are told from the others, to see how alike they are
ADDED: Final = "added"
REMOVED: Final = "removed"


@dataclass(frozen=True)
class DriftResult:
    """What drifted between two tables.

    Attributes
    ----------
    drifts
        Of each column that both tables have.
    added, removed
        Columns that only the current or only the reference table has: facts, which drift whatever the level.
    joint
        Whether a classifier can tell the rows of the two tables apart; None for fewer than 60 rows of either.
    level
        Probability of calling anything drifted where nothing did.
    """

    drifts: tuple[ColumnDrift, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    joint: Joint | None
    level: float

    @cached_property
    def _together(self) -> list[float | None]:
        return holm([*(d.p for d in self.drifts), None if self.joint is None else self.joint.p])

    @property
    def joint_p(self) -> float | None:
        """p-value of the rows as a whole that holds together with those of the columns."""
        return self._together[-1]

    @cached_property
    def columns(self) -> pl.DataFrame:
        """A row a column: kind, shares of empty cells, each measure, the p-value that holds for all columns together.

        Measures that say nothing for a kind are null.
        """
        rows: list[dict[str, Any]] = []
        for d, p in zip(self.drifts, self._together, strict=False):
            sizes = {s.measure: s.size for s in d.sizes} | {f"{s.measure}_by_chance": s.chance for s in d.sizes}
            rows.append(_row(d.column, d.kind, d.nulls, sizes, p, is_drifted=p is not None and p < self.level))
        for kind, names in ((ADDED, self.added), (REMOVED, self.removed)):
            rows += [_row(name, kind, (None, None), {}, None, is_drifted=True) for name in names]
        return pl.DataFrame(rows, schema=SCHEMA)

    @cached_property
    def sizes(self) -> pl.DataFrame:
        """A row for every column and measure: size, what chance gives at these numbers of rows, the excess, p-value."""
        rows = [(d.column, d.kind, s.measure, s.size, s.chance, s.excess, s.p) for d in self.drifts for s in d.sizes]
        names: dict[str, Any] = {"column": pl.String, "kind": pl.String, "measure": pl.String}
        numbers = dict.fromkeys(("size", "by_chance", "excess", "p"), pl.Float64)
        return pl.DataFrame(rows, schema=names | numbers, orient="row")

    @property
    def is_drifted(self) -> bool:
        """Whether anything drifted: a column, or the rows as a whole."""
        joint = self.joint_p
        return bool(self.columns["is_drifted"].any()) or (joint is not None and joint < self.level)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        joint = self.joint
        return {
            "is_drifted": self.is_drifted,
            "level": self.level,
            "columns": [{k: _round(v) for k, v in row.items() if v is not None} for row in self.columns.to_dicts()],
            "joint": None
            if joint is None
            else {
                "auc": round(joint.auc, 4),
                "p": _round(self.joint_p),
                "columns": [[name, round(drop, 4)] for name, drop in joint.columns],
                "rows": list(joint.rows),
            },
        }


SCHEMA: Final[dict[str, Any]] = {
    "column": pl.String,
    "kind": pl.String,
    "is_drifted": pl.Boolean,
    "p": pl.Float64,
    "nulls_reference": pl.Float64,
    "nulls_current": pl.Float64,
    **{f"{measure}{end}": pl.Float64 for measure in MEASURES for end in ("", "_by_chance")},
}


def _row(
    column: str,
    kind: str,
    nulls: tuple[float | None, float | None],
    sizes: dict[str, float],
    p: float | None,
    *,
    is_drifted: bool,
) -> dict[str, Any]:
    before, now = nulls
    fixed = {"column": column, "kind": kind, "is_drifted": is_drifted, "p": p}
    return dict.fromkeys(SCHEMA) | sizes | fixed | {"nulls_reference": before, "nulls_current": now}


def _round(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def drift(
    reference: Any, current: Any, *, level: float = 0.01, seed: int = 0, read: ReadOptions | None = None
) -> DriftResult:
    """Tell what drifted from `reference` to `current`, by size and by test.

    Every size stands beside what two tables of these numbers of rows show by chance. A column is drifted where its
    shares, or its share of empty cells, are so unlikely that it holds for all columns together.

    Parameters
    ----------
    reference
        A table: a path, a frame, or anything else that `kt.profile` takes. Or a list of tables, the batches of a
        history: from five on, how much they differ from each other counts as chance too.
    level
        Probability of calling anything drifted where nothing did.
    seed
        Of what is drawn to see what chance gives.

    Examples
    --------
    >>> import numpy as np, polars as pl, kintsu as kt
    >>> before, now = (pl.DataFrame({"x": np.random.default_rng(i).normal(i / 2, 1, 500)}) for i in range(2))
    >>> result = kt.drift(before, now)
    >>> result.is_drifted, result.columns["column"].to_list(), result.joint.columns[0][0]
    (True, ['x'], 'x')
    """
    if not 0 < level < 1:
        raise UsageError(f"level is a probability between 0 and 1, not {level}")
    history = [typed_frame(part, read) for part in (reference if isinstance(reference, (list, tuple)) else [reference])]
    if not history:
        raise UsageError("the reference is an empty list: give a table, or the batches of a history")
    now = typed_frame(current, read)
    before = list(dict.fromkeys(name for part in history for name in part.columns))
    shared = [name for name in before if name in now.columns]
    parts = [*(_with(part, shared, now) for part in history), now.select(shared)]
    counted = {name: count(name, [part[name] for part in parts]) for name in shared}
    drifts = tuple(column_drift(held, np.random.default_rng([seed, i])) for i, held in enumerate(counted.values()))
    return DriftResult(
        drifts,
        tuple(name for name in now.columns if name not in before),
        tuple(name for name in before if name not in now.columns),
        _joint(parts, {name: held.kind for name, held in counted.items()}, seed),
        level,
    )


def _with(part: pl.DataFrame, names: Sequence[str], like: pl.DataFrame) -> pl.DataFrame:
    """A batch with these columns, empty where it lacks one."""
    lacking = [pl.lit(None, dtype=like.schema[name]).alias(name) for name in names if name not in part.columns]
    return part.with_columns(lacking).select(names)


def _joint(parts: list[pl.DataFrame], kinds: dict[str, str], seed: int) -> Joint | None:
    names, x = features(parts, kinds)
    if not names:
        return None
    hashes = [_mixed(part.select(names).hash_rows(seed=0).to_numpy()) for part in parts]
    joint = _told(names, x, hashes, len(x) - 1, len(x) - 1, seed)
    if joint is None or len(parts) - 1 < MIN_BATCHES:
        return joint
    some = np.unique(np.linspace(0, len(parts) - 2, PAST).astype(int)).tolist()
    past = [_told(names, x, hashes, place, len(x) - 1, seed) for place in some]
    known = [held.auc for held in past if held is not None]
    return beside_past(joint, known) if len(known) > 1 else joint


def _told(
    names: list[str], x: list[Floats], hashes: list[npt.NDArray[np.uint64]], place: int, n_past: int, seed: int
) -> Joint | None:
    """Whether the rows of the table at `place` can be told from those of the other past ones."""
    others = [i for i in range(n_past) if i != place]
    before = np.vstack([x[i] for i in others]), np.concatenate([hashes[i] for i in others])
    return joint_drift(names, before[0], x[place], (before[1], hashes[place]), seed)


def _mixed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hashes whose order says nothing of the rows: that of polars' does, so the rows of least hash are no fair sample.

    The finaliser of SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    x = hashes
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))
