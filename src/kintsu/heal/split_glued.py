"""Takes apart two values glued into one cell while the other cell is empty: "Waterbury VT" with an empty state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.phrase import phrase
from kintsu.core.recipe import Recipe

__all__ = ["Glue", "SplitGlued"]

_DOMAIN: Final = 5_000  # most distinct values of the column that was glued on
_LEAST: Final = 3  # rows in which the one is empty and the other ends with its value
_SEPARATORS: Final = r"[\s,;/|\-_()]"


@dataclass(frozen=True)
class Glue:
    """`part`'s values stand at one end of `whole` where `part` is empty; `share` of the empty rows, in [0, 1]."""

    whole: str
    part: str
    at_end: bool
    domain: tuple[str, ...]
    heads: pl.Series
    share: float


@dataclass(frozen=True)
class SplitGlued:
    """Splits a cell that ends or begins with a value of another column which is empty in that row.

    Both edits share a group. Score: .97 where the rest is itself a known value of the column, .93 where it is not.
    """

    name: ClassVar[str] = "split_glued"

    def train(self, reference: Reference) -> list[Glue]:
        parts = {name: part for name in reference.columns if (part := _part(reference, name)) is not None}
        met = _candidates(reference, {name: part.domain for name, part in parts.items()})
        found = [
            glue
            for (whole, at_end), names in met.items()
            for glue in _learn(reference, whole, [parts[name] for name in names], at_end=at_end)
        ]
        place = {name: i for i, name in enumerate(reference.columns)}
        return sorted(found, key=lambda glue: (place[glue.part], place[glue.whole], not glue.at_end))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: list[Glue], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        recipes, out = [], []
        for glue in model:
            if glue.whole not in batch.columns or glue.part not in batch.columns:
                continue
            end = "end" if glue.at_end else "beginning"
            text = f"{glue.whole}: move a value of {glue.part} from the {end} of the cell to {glue.part}"
            recipe = Recipe(self.name, glue.whole, "split", text, "follows", {"part": glue.part, "at_end": glue.at_end})
            rows = _split(batch, glue)
            if not len(rows):
                continue
            recipes.append(recipe)
            known = pl.col("head").is_in(glue.heads.implode())
            rows = rows.with_columns(
                score=pl.when(known).then(0.97).otherwise(0.93),
                group=phrase("{}+{}:{}", pl.lit(glue.whole), pl.lit(glue.part), "row"),
                why=phrase(
                    "{} is empty and {} {}s with its value {}", pl.lit(glue.part), pl.lit(glue.whole),
                    pl.lit("end" if glue.at_end else "begin"), "tail",
                ),
            )  # fmt: skip
            for column, old, new in ((glue.whole, "whole", "head"), (glue.part, "part", "tail")):
                edits = rows.select("row", "score", "group", "why", old=old, new=new)
                out.append(frames.repairs(edits, healer=self.name, recipe=recipe.id, column=column))
        return recipes, frames.concat(out, frames.REPAIRS)


@dataclass(frozen=True)
class _Part:
    """A column whose values may stand in another one: its repeated values, and where in the sample it is empty."""

    name: str
    domain: pl.Series
    empty: npt.NDArray[np.bool_]


def _part(reference: Reference, name: str) -> _Part | None:
    """A text column with gaps and repeated values; None where it cannot have been glued onto another column."""
    facts = reference.column(name)
    if not 0 < facts.nulls < 0.7 * facts.rows or not 2 <= facts.distinct <= _DOMAIN or facts.is_numeric:
        return None
    empty = reference.sample[name].is_missing.to_numpy()
    domain = reference.values(name).filter(pl.col("n") >= 2)["value"]
    # a domain of repeated values: each seen at least twice, and nearly all cells covered
    covers = 0 < len(domain) <= 0.5 * (facts.rows - facts.nulls)
    return _Part(name, domain, empty) if covers and empty.sum() >= _LEAST else None


def _candidates(reference: Reference, domains: Mapping[str, pl.Series]) -> dict[tuple[str, bool], list[str]]:
    """(whole, at_end) where some cell of `whole` ends or begins with values of other columns: the names of those."""
    if not domains:
        return {}
    tails = []
    for whole in reference.columns:
        facts = reference.column(whole)
        if facts.is_numeric or facts.distinct < 2:
            continue
        texts = reference.sample[whole].counts["value"]
        texts = texts.filter(texts.str.contains(_SEPARATORS))
        for at_end in (True, False) if len(texts) else ():
            tail = _ends(texts, at_end=at_end)["tail"].drop_nulls().unique()
            tails.append(pl.DataFrame({"value": tail}).with_columns(whole=pl.lit(whole), at_end=pl.lit(at_end)))
    if not tails:
        return {}
    values = pl.concat(
        [pl.DataFrame({"value": domain}).with_columns(part=pl.lit(name)) for name, domain in domains.items()]
    )
    met = pl.concat(tails).join(values, on="value").filter(pl.col("part") != pl.col("whole"))
    grouped = met.group_by("whole", "at_end").agg(pl.col("part").unique().sort()).sort("whole", "at_end")
    return {(whole, at_end): names for whole, at_end, names in grouped.iter_rows()}


def _ends(text: pl.Series, *, at_end: bool) -> pl.DataFrame:
    """Head and tail of each text, cut at its last (or first) separator; the tail is the cut-off word."""
    rest, word = ("head", "tail") if at_end else ("tail", "head")
    regex = (
        rf"^(?P<{rest}>.*[^\s,;/|\-_(]){_SEPARATORS}+(?P<{word}>[^\s,;/|()]+)\)?$"
        if at_end
        else rf"^(?P<{word}>[^\s,;/|()]+){_SEPARATORS}+(?P<{rest}>.+)$"
    )
    cut = pl.DataFrame({"text": text}).select(pl.col("text").str.extract_groups(regex)).unnest("text")
    return cut.select("head", "tail") if at_end else cut.select(head="tail", tail="head")


def _learn(reference: Reference, whole: str, parts: list[_Part], *, at_end: bool) -> Iterator[Glue]:
    """Of the columns whose values `whole` ends (or begins) with somewhere, those that it holds where they are empty."""
    text = reference.sample[whole].text
    gaps = np.flatnonzero(np.any([part.empty for part in parts], axis=0))
    # the tails are cut once for all parts: a wide table has many
    codes = pl.concat([part.domain for part in parts]).unique().sort()
    known = pl.Enum(codes)
    cut = _ends(text.gather(gaps), at_end=at_end)["tail"].cast(known, strict=False).to_physical().cast(pl.Int64)
    tail = np.full(len(text), -1)
    tail[gaps] = cut.fill_null(-1).to_numpy()
    present = text.is_not_null().to_numpy()
    for part in parts:
        rows = np.flatnonzero(part.empty & present)
        if len(rows) < _LEAST:
            continue
        domain = part.domain.cast(known).to_physical().to_numpy()
        glued = np.isin(tail[rows], domain)
        share = float(glued.mean())
        if glued.sum() < _LEAST or share < 0.5:
            continue
        filled = text.filter(pl.Series(~part.empty)).drop_nulls()
        usual = _ends(filled, at_end=at_end)["tail"].is_in(part.domain.implode()).fill_null(False).mean()
        # where the other cell is filled the same ending must be rare: else it is part of the value
        if float(usual or 0) <= 0.1 * share:  # type: ignore[arg-type]
            heads = reference.values(whole)["value"]
            yield Glue(whole, part.name, at_end, tuple(part.domain.to_list()), heads, share)


def _split(batch: Batch, glue: Glue) -> pl.DataFrame:
    """`row`, `whole`, `part` (as read), `head` and `tail` of the glued rows of a batch."""
    hit = batch[glue.part].is_missing
    rows = pl.DataFrame({"row": batch.row, "whole": batch[glue.whole].text, "part": batch[glue.part].text}).filter(hit)
    cut = pl.concat([rows, _ends(rows["whole"], at_end=glue.at_end)], how="horizontal")
    return cut.filter(pl.col("tail").is_in(list(glue.domain)) & pl.col("head").is_not_null())
