"""Judge null tokens and numeric sentinels of one column."""

from __future__ import annotations

from typing import Final

import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.nature import Nature
from kintsu.profile.values.null_tokens import SENTINEL_DATES, SENTINEL_NUMBERS, null_strength
from kintsu.profile.values.view import NOTHING, judged

__all__ = ["judge_null_tokens", "judge_sentinels"]

HABITUAL: Final = (
    0.2  # share of cells from which on a token is how the column spells "none", and the cell is truly empty
)
# A token in fewer cells hides a value that someone may know, and some tables mean the sign itself: emptying such a cell
# is right in form only, so it is found, suggested, and left to a person.
HOLE: Final = 0.45


def judge_null_tokens(
    nature: Nature,
    *,
    is_patterned: bool,
    habitual: frozenset[str] = frozenset(),
    unseen: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Null tokens where they are odd in the column.

    In a column of numbers or of one strict pattern any token is a missing value. In a column of text a sure token
    (`N/A`) is; a mark or a word is odd only where the column also has empty cells: else it is how this table spells
    "none", and people decide. A token held by most cells is left alone. `habitual` tokens are how the whole table
    spells it; outside columns of numbers they are only pointed at. Of values that nature has not seen (`unseen`, as
    `parsed_like` reads them) each is judged by itself.
    """
    view = nature.view
    tokens = (
        (nature.parsed if unseen is None else unseen)
        .filter(pl.col("token"))
        .with_columns(strength=null_strength(pl.col("value")), share=pl.col("n") / max(view.filled, 1))
    )
    held = nature.token_share
    if not len(tokens) or held > 0.9:
        return NOTHING
    strict = nature.kind in ("number", "code") or is_patterned
    is_code_like = pl.col("value").str.contains(r"^[A-Z]{2}$") & pl.lit(_is_two_letters(nature))
    if strict:
        certain = 0.85 if held < HABITUAL or _is_damaged(nature, held) else 0.96 if held <= 0.5 else 0.9
        score = pl.when(is_code_like).then(0.0).otherwise(certain)
        if nature.kind != "number":
            score = pl.when(pl.col("value").is_in(sorted(habitual))).then(0.45).otherwise(score)
    else:
        habit = 0.25 if view.nulls else 0.0
        score = (
            pl.when(is_code_like | (pl.col("share") > 0.5))
            .then(0.0)
            .when(pl.col("strength") == 1)
            .then(0.75 + 0.6 * habit)
            .when(pl.col("share") > 0.2)
            .then(0.3)
            .when(pl.col("strength") > 0.5)
            .then(0.45 + habit)
            .otherwise(0.2 + habit)
        )
    kind = "numbers" if nature.kind == "number" else "values of one pattern" if strict else "text"
    return judged(
        tokens.with_columns(score=score)
        .filter(pl.col("score") > 0.29)
        .select(
            "value",
            "score",
            why=phrase(
                "{} stands for a missing value: {} it in this column of {}",
                quoted(pl.col("value").str.strip_chars()),
                number_of("n", "cell holds", "cells hold"),
                pl.lit(kind),
            ),
            new_score=pl.when(held < HABITUAL).then(pl.min_horizontal("score", pl.lit(HOLE))).otherwise("score"),
        ),
        kind="disguised_missing",
        mend=True,
        operation="null_token",
        says="empty the cells that hold a word or sign for a missing value",
    )


def _is_damaged(nature: Nature, held: float) -> bool:
    """Whether a column of numbers holds much else that is no number: then its tokens may hide lost values as well."""
    if nature.kind != "number":
        return False
    other = nature.parsed.filter(~pl.col("token") & pl.col("plain").is_null())
    return float(other["n"].sum()) > 0.25 * held * nature.view.filled


def _is_two_letters(nature: Nature) -> bool:
    return nature.view.share(pl.col("value").str.contains(r"^[A-Z]{2}$")) > 0.9


def judge_sentinels(nature: Nature) -> pl.DataFrame:
    """Numbers and dates such as -999 or 1900-01-01 that spike at an edge of the domain, apart from all others.

    A sentinel needs 3 cells, five times the median count of the other values, and a gap to the nearest of them that
    is wider than their whole spread; so 99 in a column of ages from 1 to 98 stays.
    """
    view = nature.view
    if nature.kind != "number":
        return _sentinel_dates(nature)
    plain = nature.parsed.filter(pl.col("plain").is_not_null())
    suspects = plain.filter(pl.col("plain").is_in(list(SENTINEL_NUMBERS)))
    others = plain.filter(~pl.col("plain").is_in(list(SENTINEL_NUMBERS)))
    if not len(suspects) or int(others["n"].sum()) < 20 or len(others) < 5:
        return NOTHING
    low, high = float(others["plain"].min()), float(others["plain"].max())  # type: ignore[arg-type]
    usual = float(others["n"].median() or 1)  # type: ignore[arg-type]
    spread = max(high - low, 1e-9)
    apart = (
        pl.when(pl.col("plain") > high)
        .then((pl.col("plain") - high) > spread)
        .when(pl.col("plain") < low)
        # below a domain of positive numbers, -1 needs no gap: no other value is negative
        .then(((low - pl.col("plain")) > spread) | pl.lit(low >= 0))
        .otherwise(False)
    )
    hits = suspects.filter(apart & (pl.col("n") >= max(3, 5 * usual)) & (pl.col("n") <= 0.5 * view.filled))
    return judged(
        hits.select(
            "value",
            why=phrase(
                "{} {}, far from the other numbers, {} to {}",
                *(number_of("n", "cell holds", "cells hold"), "value", pl.lit(f"{low:g}"), pl.lit(f"{high:g}")),
            ),
        ),
        kind="disguised_missing",
        score=0.9,
        mend=True,
        new_score=HOLE if int(hits["n"].sum()) < HABITUAL * view.filled else 0.9,
        operation="null_token",
        says="empty the cells that hold a number standing for a missing value",
    )


def _sentinel_dates(nature: Nature) -> pl.DataFrame:
    """A date that programs write for "no date", at the edge of a column of dates, five times as frequent."""
    values = nature.view.values
    day = pl.col("value").str.slice(0, 10)
    suspects = values.filter(day.is_in(list(SENTINEL_DATES)))
    if not len(suspects):
        return NOTHING
    others = values.filter(~day.is_in(list(SENTINEL_DATES)) & pl.col("value").str.contains(r"^\d{4}-\d\d-\d\d"))
    if int(others["n"].sum()) < 20 or int(others["n"].sum()) < 0.4 * nature.view.filled:
        return NOTHING
    first, last = str(others["value"].min())[:10], str(others["value"].max())[:10]
    usual = float(others["n"].median() or 1)  # type: ignore[arg-type]
    hits = suspects.filter(((day < first) | (day > last)) & (pl.col("n") >= max(3, 5 * usual)))
    return judged(
        hits.select(
            "value", why=phrase("{} {}, a usual sign for no date", number_of("n", "cell holds", "cells hold"), "value")
        ),
        kind="disguised_missing",
        score=0.9,
        mend=True,
        new_score=HOLE if int(hits["n"].sum()) < HABITUAL * nature.view.filled else 0.9,
        operation="null_token",
        says="empty the cells that hold a date standing for a missing one",
    )
