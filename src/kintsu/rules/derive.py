"""Rows whose derived text does not fit its parts: which cell is wrong, and what should stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.phrase import phrase
from kintsu.rules.coding import filled_text
from kintsu.rules.discover.derived import Derivation, derivations

__all__ = ["DERIVED", "DeriveModel", "derive", "train"]

_EXPECTED, _ROW, _AT = "\x1fexpected", "\x1frow", "\x1fat"  # beside the table's own columns, so no name of theirs


@dataclass(frozen=True)
class DeriveModel:
    """Derivations, and how often each value of their columns occurs (`value`, `n`)."""

    derivations: tuple[Derivation, ...] = ()
    seen: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def train(reference: Reference) -> DeriveModel:
    """Derivations of the table; learned once per reference."""
    return remembered(reference, "derive", lambda: _learn(reference))


def _learn(reference: Reference) -> DeriveModel:
    found = derivations(reference)
    names = {name for d in found for name in (d.column, *d.parts)}
    return DeriveModel(tuple(found), {name: reference.values(name) for name in sorted(names)})


DERIVED = {
    "row": pl.Int64,
    "column": pl.String,
    "old": pl.String,
    "new": pl.String,
    "missing": pl.Boolean,
    "score": pl.Float64,  # probability that this cell is the wrong one, and that new is right
    "formula": pl.String,
    "shown": pl.String,
}


def derive(batch: Batch, model: DeriveModel) -> pl.DataFrame:
    """One line (schema `DERIVED`) per cell that could explain why its row does not fit, or that its row fills."""
    parts = [
        _derive(batch, model, d)
        for d in model.derivations
        if all(name in batch.columns for name in (d.column, *d.parts))
    ]
    if not parts:
        return pl.DataFrame(schema=DERIVED)
    order = ["row", "column", "score", "formula"]
    lines = pl.concat(parts).filter(~pl.col("old").eq_missing(pl.col("new")) & pl.col("new").is_not_null())
    return lines.sort(order, descending=[False, False, True, False]).unique(["row", "column"], keep="first").sort(order)


def _derive(batch: Batch, model: DeriveModel, d: Derivation) -> pl.DataFrame:
    texts = pl.DataFrame({name: filled_text(batch[name]) for name in (d.column, *dict.fromkeys(d.parts))})
    rows = texts.with_columns(d.expected().alias(_EXPECTED), batch.row.alias(_ROW)).with_row_index(_AT)
    unfit = rows.filter(~pl.col(_EXPECTED).eq_missing(pl.col(d.column)))
    whole = unfit.filter(pl.col(_EXPECTED).is_not_null())
    claims = [_claim(batch, model, d, whole, d.column, whole[_EXPECTED])]
    for part in dict.fromkeys(d.parts):
        pattern = d.parse(part)
        if pattern is None:
            continue
        others = [name for name in dict.fromkeys(d.parts) if name != part]
        usable = unfit.filter(pl.all_horizontal(pl.col(others).is_not_null()) if others else pl.lit(True))
        usable = usable.filter(pl.col(d.column).is_not_null())
        value = usable[d.column].str.extract(pattern, 1)
        fits = usable.with_columns(pl.Series(part, value)).select(e=d.expected())["e"].eq_missing(usable[d.column])
        claims.append(_claim(batch, model, d, usable, part, pl.select(pl.when(fits).then(value)).to_series()))
    return _settled(pl.concat(claims), d)


def _claim(
    batch: Batch, model: DeriveModel, d: Derivation, rows: pl.DataFrame, name: str, value: pl.Series
) -> pl.DataFrame:
    """How much more usual the implied value of this cell is than the one that stands there, as log odds."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    lines = pl.DataFrame(
        {
            "row": rows[_ROW],
            "column": pl.repeat(name, len(rows), eager=True, dtype=pl.String),
            "old": batch[name].text.gather(rows[_AT]),
            "new": value.alias("new"),
        }
    ).with_columns(missing=pl.Series(rows[name].is_null()), at=rows[_AT])
    lines = lines.filter(pl.col("new").is_not_null())
    seen = model.seen[name]
    n_old = lines.join(seen.rename({"value": "old"}), on="old", how="left", maintain_order="left")["n"].fill_null(0)
    n_new = lines.join(seen.rename({"value": "new"}), on="new", how="left", maintain_order="left")["n"].fill_null(0)
    edits = cpdist(lines["old"].fill_null("").to_list(), lines["new"].to_list(), scorer=OSA.distance, score_cutoff=2)
    usual = np.log((n_new.to_numpy() + 0.5) / (np.maximum(n_old.to_numpy() - 1, 0) + 0.5))
    # a value that three rows have is no slip: how common it is says little more
    usual = np.where(n_old.to_numpy() >= 3, np.clip(usual, -1, 1), usual)
    near = np.where(edits <= 2, 1.5, 0.0)
    shown = pl.concat_str(
        [pl.lit(d.text + " with ")]
        + [
            phrase("{} {}{}", pl.lit(c), batch[c].text.fill_null("(empty)").gather(lines["at"]), pl.lit(end))
            for c, end in zip((d.column, *d.parts), (", ",) * len(d.parts) + ("",))
        ]
    )
    return lines.with_columns(
        claim=pl.Series(np.clip(usual, -5, 5) + near, dtype=pl.Float64),
        formula=pl.lit(d.text),
        shown=pl.select(shown).to_series() if len(lines) else pl.Series([], dtype=pl.String),
    )


def _settled(claims: pl.DataFrame, d: Derivation) -> pl.DataFrame:
    """Scores: the claims of a row compete with each other and with a row that rightly does not fit."""
    exception = 1 - d.agreement  # rows that do not fit are mostly errors where few do not fit
    weight = pl.col("claim").exp()
    share = weight / (weight.sum().over("row") + 10 * exception)
    sure = pl.when("missing").then(pl.lit(d.agreement)).otherwise(share * min(d.agreement + 0.05, 0.99))
    return claims.with_columns(score=sure.clip(0, 0.99)).select(DERIVED.keys())
