"""Rows whose derived text does not fit its parts: which cell is wrong, and what should stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.phrase import phrase
from kintsu.rules.coding import filled_text, mended, mends, sampled_rows
from kintsu.rules.discover.derived import Derivation, derivations

__all__ = ["DERIVED", "DeriveModel", "derive", "train"]

EXCEPTION_ROWS = 20_000
SOMETHING_ELSE = 0.5  # weight of two errors in one row
NEAR = 1.5  # log odds of a value one or two edits away
EXPLAINED = 1.0  # least log odds of the cell that explains why its row does not obey
_EXPECTED, _ROW, _AT = "\x1fexpected", "\x1frow", "\x1fat"  # beside the table's own columns, so no name of theirs


@dataclass(frozen=True, eq=False)
class DeriveModel:
    """Derivations, how often each value of their columns occurs (`value`, `n`), and what damaged ones mean."""

    derivations: tuple[Derivation, ...] = ()
    seen: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    mends: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def train(reference: Reference) -> DeriveModel:
    """Derivations of the table; learned once per reference."""
    return remembered(reference, "derive", lambda: _learn(reference))


def _learn(reference: Reference) -> DeriveModel:
    found = derivations(reference)
    names = sorted({name for d in found for name in (d.column, *d.parts)})
    seen = {name: reference.values(name) for name in names}
    draft = DeriveModel(tuple(found), seen, {name: mends(reference, name) for name in names})
    sample = sampled_rows(reference.sample, EXCEPTION_ROWS, reference.seed)
    return replace(draft, derivations=tuple(_with_exceptions(sample, draft, d) for d in found))


def _with_exceptions(sample: Batch, model: DeriveModel, d: Derivation) -> Derivation:
    """The derivation with its share of rows that rightly do not obey, as far as no error of one cell explains them."""
    claims = _claims(sample, model, d).filter(~pl.col("missing"))
    unfit = round((1 - d.agreement) * len(sample))
    explained = min(claims.filter(pl.col("claim") >= EXPLAINED)["row"].n_unique(), unfit)
    return replace(d, exceptions=(unfit - explained) / max(len(sample) - explained, 1))


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
    """One line (schema `DERIVED`) per cell that could explain why its row does not fit, or that its row fills.

    Remembered.
    """
    return remembered(batch, model, lambda: _derived(batch, model))


def _derived(batch: Batch, model: DeriveModel) -> pl.DataFrame:
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
    return _settled(_claims(batch, model, d), d)


def _claims(batch: Batch, model: DeriveModel, d: Derivation) -> pl.DataFrame:
    """What every cell of a row that does not obey should be; cells count as what they mean when others are derived."""
    names = (d.column, *dict.fromkeys(d.parts))
    raw = pl.DataFrame({name: filled_text(batch[name]) for name in names})
    texts = pl.DataFrame({name: mended(raw[name], model.mends[name]) for name in names})
    rows = texts.with_columns(d.expected().alias(_EXPECTED), batch.row.alias(_ROW)).with_row_index(_AT)
    damaged = pl.any_horizontal(raw[name].ne_missing(texts[name]) for name in names)
    unfit = rows.filter(damaged | ~pl.col(_EXPECTED).eq_missing(pl.col(d.column)))
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
    return _weighed(pl.concat(claims), unfit, model, d)


def _weighed(claims: pl.DataFrame, rows: pl.DataFrame, model: DeriveModel, d: Derivation) -> pl.DataFrame:
    """The claims, those of the derived column held back where its text or its parts speak against them.

    A text that is well put together but for a legal value of one part is as likely right as that part. A text made of
    a part that no other row has, in a column whose values repeat, is made of a slip.
    """
    is_whole = pl.col("column") == d.column
    sound = claims.filter(~is_whole & (pl.col("seen") >= 2))["row"]
    strange = pl.lit(0.0)
    for part in dict.fromkeys(d.parts):
        known = model.seen[part]
        repeated = known.filter(pl.col("n") >= 2)
        share = float(repeated["n"].sum()) / max(float(known["n"].sum()), 1.0)
        strange = pl.max_horizontal(
            strange, (~pl.col(part).is_in(repeated["value"].implode())).cast(pl.Float64) * share
        )
    odd = rows.select(strange.fill_null(0.0).alias("strange"), row=_ROW)
    joined = claims.join(odd, on="row", how="left", maintain_order="left")
    doubt = pl.when(is_whole).then("strange").otherwise(0.0)
    held = pl.when(is_whole & pl.col("row").is_in(sound.implode())).then(pl.min_horizontal("claim", "near"))
    return joined.with_columns(claim=held.otherwise("claim") - 3 * doubt, doubt=doubt).drop("strange")


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
    lines = lines.filter(pl.col("new").is_not_null() & ~pl.col("old").eq_missing(pl.col("new")))
    seen = model.seen[name]
    n_old = lines.join(seen.rename({"value": "old"}), on="old", how="left", maintain_order="left")["n"].fill_null(0)
    n_new = lines.join(seen.rename({"value": "new"}), on="new", how="left", maintain_order="left")["n"].fill_null(0)
    edits = cpdist(lines["old"].fill_null("").to_list(), lines["new"].to_list(), scorer=OSA.distance, score_cutoff=2)
    usual = np.log((n_new.to_numpy() + 0.5) / (np.maximum(n_old.to_numpy() - 1, 0) + 0.5))
    # a value that three rows have is no slip: how common it is says nothing more
    usual = np.where(n_old.to_numpy() >= 3, np.clip(usual, -1, 0), usual)
    near = np.where(edits <= 2, NEAR, 0.0)
    shown = pl.concat_str(
        [pl.lit(d.text + " with ")]
        + [
            phrase("{} {}{}", pl.lit(c), batch[c].text.fill_null("(empty)").gather(lines["at"]), pl.lit(end))
            for c, end in zip((d.column, *d.parts), (", ",) * len(d.parts) + ("",))
        ]
    )
    return lines.with_columns(
        claim=pl.Series(np.clip(usual, -5, 5) + near, dtype=pl.Float64),
        near=pl.Series(near, dtype=pl.Float64),
        seen=pl.Series(n_new, dtype=pl.Int64),
        formula=pl.lit(d.text),
        shown=pl.select(shown).to_series() if len(lines) else pl.Series([], dtype=pl.String),
    )


def _settled(claims: pl.DataFrame, d: Derivation) -> pl.DataFrame:
    """Scores: the claims of a row compete with each other and with a row that rightly does not fit."""
    weight = pl.col("claim").exp()
    share = weight / (weight.sum().over("row") + SOMETHING_ELSE + 10 * d.exceptions)
    # what fills a cell is right if all other cells of the row are
    whole = (1 - d.exceptions) * d.agreement ** (len(d.parts) / (len(d.parts) + 1))
    sure = (
        pl.when("missing").then(whole * (1 - 0.6 * pl.col("doubt"))).otherwise(share * min(1.05 - d.exceptions, 0.99))
    )
    return claims.with_columns(score=sure.clip(0, 0.99)).select(DERIVED.keys())
