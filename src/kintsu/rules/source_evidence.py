"""A sentence that says why a source's cell is doubted. An expression over `rules.source_model.TOLD`."""

from __future__ import annotations

import polars as pl

from kintsu.core.phrase import phrase, quoted
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
        quoted("key"),
        quoted("new"),
    )
    rival = (
        pl.when(pl.col("rival").is_not_null())
        .then(phrase(", {} say {}", "rival_votes", quoted("rival")))
        .otherwise(pl.lit(""))
    )
    own = (
        pl.when("missing")
        .then(phrase("; {} leaves it empty", pl.col("source").fill_null("this one")))
        .otherwise(phrase("; {} has {}", pl.col("source").fill_null("this one"), quoted("old")))
    )
    doubt = (
        pl.when(pl.col("score") < 0.5)
        .then(pl.lit("; which sources to trust here is a question for a person"))
        .otherwise(pl.lit(""))
    )
    return pl.concat_str(said, rival, own, doubt)
