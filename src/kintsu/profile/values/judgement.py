"""The judgement of a whole column: every method in turn, each seeing the values that those before left alone."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.values.missing_tokens import judge_null_tokens, judge_sentinels
from kintsu.profile.values.moments import column_format, judge_moments
from kintsu.profile.values.nature import nature_of, parsed_like
from kintsu.profile.values.noise import judge_noise
from kintsu.profile.values.oddities import judge_characters, judge_rare, judge_surprise
from kintsu.profile.values.quantities import judge_quantities
from kintsu.profile.values.shapes import Shapes, find_shapes, judge_shapes
from kintsu.profile.values.spelling import judge_case, judge_encoding, judge_wrapping
from kintsu.profile.values.surface import clean_of, compose, surface_of
from kintsu.profile.values.typos import judge_typos
from kintsu.profile.values.view import JUDGED, ColumnView, judged, unjudged, view_of

__all__ = ["judge_unseen", "judgement_of", "shapes_of"]


def shapes_of(reference: Reference, name: str) -> Shapes | None:
    """The patterns of one column, null tokens left out; remembered."""

    def build() -> Shapes | None:
        nature = nature_of(reference, name)
        if nature.is_numeric:
            return None
        return find_shapes(clean_of(reference, name).without(nature.parsed.filter(pl.col("token"))["value"]))

    shapes: Shapes | None = remembered(reference, ("shapes", name), build)
    return shapes


def judgement_of(reference: Reference, name: str) -> pl.DataFrame:
    """What is wrong with which distinct values of a column (schema `JUDGED` and `method`); one line a value."""
    judgement: pl.DataFrame = remembered(reference, ("judgement", name), lambda: _judge(reference, name))
    return judgement


def judge_unseen(reference: Reference, name: str, values: pl.Series) -> pl.DataFrame:
    """Judgement of distinct values that the reference has not counted: of a later batch, or beyond its cap.

    By what was learned of the column: tokens, numbers, units, dates, patterns, encodings. Slips and noise are judged
    against counts, so only values that the reference has seen can be found to be such.
    """
    view, nature, shapes = view_of(reference, name), nature_of(reference, name), shapes_of(reference, name)
    fresh = pl.DataFrame({"value": values, "n": pl.repeat(1, len(values), dtype=pl.Int64, eager=True)})
    fresh = fresh.filter(pl.col("value").str.strip_chars() != "")
    seen = ColumnView(name, fresh, view.filled, view.nulls, view.facts)
    parsed = parsed_like(nature, fresh)
    done: list[pl.DataFrame] = []
    if view.filled < 5 or not len(fresh):
        return judged(fresh.head(0).select("value"))
    alien = replace(nature, parsed=parsed)
    done.append(judge_null_tokens(alien, is_patterned=shapes is not None, habitual=_habitual(reference)))
    if nature.is_numeric:
        done.append(judge_quantities(nature, _speaking(seen, done), parsed))
    else:
        usual = column_format(view, day_first=reference.option("day_first")) if nature.kind == "text" else None
        if usual is not None:
            done.append(judge_moments(seen, _speaking(seen, done), usual))
        done.append(judge_encoding(_speaking(seen, done)))
        if shapes is not None:
            done.append(judge_shapes(seen, shapes, _speaking(seen, done)))
        done.append(judge_characters(seen, _speaking(seen, done)))
    return pl.concat([part for part in done if len(part)] or [pl.DataFrame(schema=JUDGED)]).sort("value")


def _judge(reference: Reference, name: str) -> pl.DataFrame:
    return compose(surface_of(reference, name), _judge_clean(reference, name), view_of(reference, name))


def _judge_clean(reference: Reference, name: str) -> pl.DataFrame:
    """What is wrong with the values once nothing lies on their surface any more."""
    view = clean_of(reference, name)
    done: list[pl.DataFrame] = []
    if view.filled < 5:  # a handful of cells has no habit
        return judged(view.values.head(0).select("value"))
    nature, shapes = nature_of(reference, name), shapes_of(reference, name)
    done.append(judge_null_tokens(nature, is_patterned=shapes is not None, habitual=_habitual(reference)))
    done.append(judge_sentinels(nature).join(done[0].select("value"), on="value", how="anti"))
    if nature.kind == "text":
        usual = column_format(view, day_first=reference.option("day_first"))
        if usual is not None:
            done.append(judge_moments(view, _speaking(view, done), usual))
        done.append(judge_case(view, _speaking(view, done)))
    done.append(judge_noise(reference, name, _speaking(view, done)))
    if nature.kind in ("text", "code"):
        done.append(judge_characters(view, _speaking(view, done)))
    done.append(judge_quantities(nature, _speaking(view, done)))
    if shapes is not None:
        done.append(judge_shapes(view, shapes, _speaking(view, done)))
    if nature.kind == "text" and not view.is_near_unique:
        done.append(judge_wrapping(_speaking(view, done)))
    if shapes is None and nature.kind == "text" and not view.facts.is_free_text and not view.is_near_unique:
        done.append(judge_typos(_speaking(view, done), view.filled))
    if nature.kind == "text":
        done.append(judge_rare(view, _speaking(view, done)))
        if shapes is None:
            done.append(judge_surprise(view, _speaking(view, done)))
    table = pl.concat([part for part in done if len(part)] or [pl.DataFrame(schema=JUDGED)]).sort("value")
    carrying = view_of(reference, name).values.join(surface_of(reference, name), on="value", how="semi")
    return _with_lost_values(table, int(carrying["n"].sum()), view)


def _with_lost_values(table: pl.DataFrame, carrying: int, view: ColumnView) -> pl.DataFrame:
    """Null tokens in a column that is damaged otherwise, too, may hide lost values: to be emptied by a person only.

    Damaged: the cells with other slips (and the `carrying` ones, with something on their surface) are at least a
    quarter as many as those with tokens. Where empty cells are
    three times as many as tokens, emptiness is how the column says "none", and they stay as they are.
    """
    is_token = pl.col("operation").fill_null("") == "null_token"
    counted = table.join(view.values, on="value", how="left", maintain_order="left")
    held = int(counted.filter(is_token)["n"].sum())
    is_slip = ~is_token & pl.col("kind").is_in(["format", "typo", "type", "unit"]) & (pl.col("score") >= 0.5)
    other = int(counted.filter(is_slip)["n"].sum()) + carrying
    if not held or other < 0.25 * held or view.nulls >= 3 * held:
        return table
    lowered = pl.when(is_token).then(pl.min_horizontal("new_score", pl.lit(0.6))).otherwise("new_score")
    return table.with_columns(new_score=lowered)


def _habitual(reference: Reference) -> frozenset[str]:
    """Null tokens that stand in many cells (1 % or more) of three columns with few empty cells; remembered."""

    def build() -> frozenset[str]:
        seen: dict[str, int] = {}
        for name in reference.columns:
            view = view_of(reference, name)
            least = max(0.01 * view.filled, 0.3 * view.nulls)
            tokens = nature_of(reference, name).parsed.filter(pl.col("token") & (pl.col("n") >= least))
            for token in tokens["value"].to_list():
                seen[token] = seen.get(token, 0) + 1
        return frozenset(token for token, n in seen.items() if n >= 3)

    tokens: frozenset[str] = remembered(reference, ("habitual",), build)
    return tokens


def _speaking(view: ColumnView, done: list[pl.DataFrame]) -> pl.DataFrame:
    return unjudged(view, done)
