"""Takes apart two values glued into one cell while the other cell is empty: "Waterbury VT" with an empty state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.phrase import phrase
from kintsu.core.recipe import Recipe

__all__ = ["Glue", "SplitGlued"]

_DOMAIN: Final = 5_000  # most distinct values of the column that was glued on
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
        sample = reference.sample
        domains = {part: domain for part in reference.columns if len(domain := _domain(reference, part))}
        out = []
        for part, whole, at_end in _candidates(reference, domains):
            glue = _learn(reference, whole, part, sample[part].is_missing, domains[part], at_end=at_end)
            if glue is not None:
                out.append(glue)
        return out

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


def _domain(reference: Reference, part: str) -> pl.Series:
    """The repeated values of a text column with gaps; empty where it cannot have been glued onto another column."""
    facts, nothing = reference.column(part), pl.Series([], dtype=pl.String)
    if not 0 < facts.nulls < 0.7 * facts.rows or not 2 <= facts.distinct <= _DOMAIN or facts.is_numeric:
        return nothing
    domain = reference.values(part).filter(pl.col("n") >= 2)["value"]
    # a domain of repeated values: each seen at least twice, and nearly all cells covered
    return domain if len(domain) <= 0.5 * (facts.rows - facts.nulls) else nothing


def _candidates(reference: Reference, domains: Mapping[str, pl.Series]) -> list[tuple[str, str, bool]]:
    """(part, whole, at_end) where some cell of `whole` ends or begins with a value of `part`, in column order."""
    if not domains:
        return []
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
        return []
    values = pl.concat(
        [pl.DataFrame({"value": domain}).with_columns(part=pl.lit(name)) for name, domain in domains.items()]
    )
    met = pl.concat(tails).join(values, on="value").select("part", "whole", "at_end").unique()
    place = {name: i for i, name in enumerate(reference.columns)}
    found = [line for line in met.iter_rows() if line[0] != line[1]]
    return sorted(found, key=lambda line: (place[line[0]], place[line[1]], not line[2]))


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


def _learn(
    reference: Reference, whole: str, part: str, empty: pl.Series, domain: pl.Series, *, at_end: bool
) -> Glue | None:
    sample = reference.sample
    present = sample[whole].text.filter(empty).drop_nulls()
    if len(present) < 3:
        return None
    glued = _ends(present, at_end=at_end)["tail"].is_in(domain.implode()).fill_null(False)
    share = float(glued.mean() or 0)  # type: ignore[arg-type]
    if int(glued.sum()) < 3 or share < 0.5:
        return None
    filled = sample[whole].text.filter(~empty).drop_nulls()
    usual = float(_ends(filled, at_end=at_end)["tail"].is_in(domain.implode()).fill_null(False).mean() or 0)  # type: ignore[arg-type]
    # where the other cell is filled the same ending must be rare: else it is part of the value
    if usual > 0.1 * share:
        return None
    heads = reference.values(whole)["value"]
    return Glue(whole, part, at_end, tuple(domain.to_list()), heads, share)


def _split(batch: Batch, glue: Glue) -> pl.DataFrame:
    """`row`, `whole`, `part` (as read), `head` and `tail` of the glued rows of a batch."""
    hit = batch[glue.part].is_missing
    rows = pl.DataFrame({"row": batch.row, "whole": batch[glue.whole].text, "part": batch[glue.part].text}).filter(hit)
    cut = pl.concat([rows, _ends(rows["whole"], at_end=glue.at_end)], how="horizontal")
    return cut.filter(pl.col("tail").is_in(list(glue.domain)) & pl.col("head").is_not_null())
