"""A sentence that says why a source's cell is doubted. An expression over `rules.source_model.TOLD`."""

from __future__ import annotations

import polars as pl

from kintsu.core.phrase import phrase
from kintsu.rules.discover.sources import Reports

__all__ = ["told"]


def told(reports: Reports) -> pl.Expr:
    """How many sources say what, and what the strongest other claim is."""
    said = phrase(
        "{} of {} sources ({}) that report {} {} say {}",
        "votes",
        "voters",
        pl.lit(reports.source),
        pl.lit(reports.entity),
        _quoted("key"),
        _quoted("new"),
    )
    rival = (
        pl.when(pl.col("rival").is_not_null())
        .then(phrase(", {} say {}", "rival_votes", _quoted("rival")))
        .otherwise(pl.lit(""))
    )
    own = (
        pl.when("missing")
        .then(phrase("; {} leaves it empty", pl.col("source").fill_null("this one")))
        .otherwise(phrase("; {} has {}", pl.col("source").fill_null("this one"), _quoted("old")))
    )
    doubt = (
        pl.when(pl.col("score") < 0.5)
        .then(pl.lit("; which sources to trust here is a question for a person"))
        .otherwise(pl.lit(""))
    )
    return pl.concat_str(said, rival, own, doubt)


def _quoted(name: str) -> pl.Expr:
    value = pl.col(name).fill_null("")
    short = pl.when(value.str.len_chars() > 60).then(pl.concat_str(value.str.head(57), pl.lit("..."))).otherwise(value)
    return pl.concat_str(pl.lit("'"), short, pl.lit("'"))
