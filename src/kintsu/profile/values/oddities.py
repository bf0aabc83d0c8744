"""Values that stand out without a known right form: lone categories, foreign characters, improbable text."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.view import NOTHING, ColumnView, judged

__all__ = ["CONTROL", "judge_characters", "judge_rare", "judge_surprise", "surprise"]

CONTROL: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"
_CATEGORIES: Final = 60  # most values of a column of categories
_GAP: Final = 25  # times that the rarest usual category is more frequent than a lone one
_CONTROL: Final = (
    r"\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}\x{AD}"
)
_JOINERS: Final = r"\x{200C}\x{200D}"  # they belong to words of scripts without capitals, and to emoji made of several
_JOINED: Final = r"[\p{Lo}\p{So}]"
_LOST: Final = r"\x{FFFD}|[\p{Co}]"
_LETTERS: Final = 500_000  # most characters whose triples are counted: sorting them costs a second a million


def judge_rare(view: ColumnView, left: pl.DataFrame) -> pl.DataFrame:
    """Values in one or two cells of a column in which all other values are far more frequent."""
    values = view.values
    if view.filled < 200 or not 3 <= len(values) <= 4 * _CATEGORIES:
        return NOTHING
    lone, usual = values.filter(pl.col("n") <= 2), values.filter(pl.col("n") > 2)
    least = int(usual["n"].min() or 0)  # type: ignore[arg-type]
    if not 2 <= len(usual) <= _CATEGORIES or not 0 < len(lone) <= max(2, len(usual) // 3):
        return NOTHING
    hits = lone.filter(pl.lit(least) >= _GAP * pl.col("n")).join(left.select("value"), on="value", how="semi")
    if not len(hits):
        return NOTHING
    share = values["n"].to_numpy() / view.filled
    entropy = float(-(share * np.log2(share)).sum())
    return judged(
        hits.select(
            "value",
            score=(1 - pl.col("n") * 3.0 / least).clip(0.5, 0.95),
            why=phrase(
                "{} {}; each of the {} other categories is in at least {} cells (entropy {} bits)",
                number_of("n", "cell holds", "cells hold"), quoted("value"),
                pl.lit(len(usual)), pl.lit(least), pl.lit(round(entropy, 2)),
            ),
        ),
        kind="rare_category",
    )  # fmt: skip


def judge_characters(view: ColumnView, left: pl.DataFrame) -> pl.DataFrame:
    """Invisible and lost characters. Invisible ones are taken out; what a lost one was cannot be known."""
    value = pl.col("value")
    left = left.filter((value.str.len_bytes() != value.str.len_chars()) | value.str.contains(CONTROL))
    if not len(left):
        return NOTHING
    bare = value.str.replace_all(f"[{_CONTROL}]", "")
    bare = pl.when(value.str.contains(_JOINED)).then(bare).otherwise(bare.str.replace_all(f"[{_JOINERS}]", ""))
    unseen = left.with_columns(new=bare).filter((pl.col("new") != value) & (pl.col("new") != ""))
    cleaned = judged(
        unseen.select("value", "new", why=pl.lit("holds characters that cannot be seen")),
        kind="text_anomaly", score=0.95, mend=view.share(bare != value) < 0.1, new_score=0.95,
        operation="visible", says="take characters away that cannot be seen",
    )  # fmt: skip
    lost = left.filter(value.str.contains(_LOST) & (bare == value))
    flagged = judged(
        lost.select("value", why=pl.lit("holds a character that was lost when the text was decoded")),
        kind="text_anomaly",
        score=0.95,
    )
    return pl.concat([cleaned, flagged])


def surprise(values: list[str], counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean surprise (nats a character) of each text under the triples of all others, and its share of new triples.

    Texts are folded to lower case and digits to one sign. A text's own cells are not counted for it, so a repeated
    oddity is judged as its first copy.
    """
    texts = ["\x02\x02" + "".join("0" if c.isdigit() else c for c in v.lower()) + "\x03" for v in values]
    lengths = np.array([len(t) for t in texts])
    points = np.array([ord(c) for t in texts for c in t], dtype=np.uint64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    owner = np.repeat(np.arange(len(texts)), lengths)
    index = np.arange(len(points))
    inside = index >= starts[owner] + 2
    at = index[inside]
    context = points[at - 2] * np.uint64(1 << 21) + points[at - 1]
    triple = context * np.uint64(1 << 21) + points[at]
    who = owner[inside]
    weight = np.minimum(counts, 50).astype(float)[who]  # a very frequent value must not be the language
    _, t = np.unique(triple, return_inverse=True)
    _, c = np.unique(context, return_inverse=True)
    n_triple, n_context = np.bincount(t, weight), np.bincount(c, weight)
    own_triple, own_context = _own(who, t, weight), _own(who, c, weight)
    alphabet = len(np.unique(points))
    rest, given = n_triple[t] - own_triple, n_context[c] - own_context
    nats = -np.log((rest + 0.1) / (given + 0.1 * alphabet))
    size = np.bincount(who, minlength=len(texts))
    mean = np.bincount(who, nats, minlength=len(texts)) / np.maximum(size, 1)
    new = np.bincount(who, rest <= 0, minlength=len(texts)) / np.maximum(size, 1)
    return mean, new


def _own(who: np.ndarray, code: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weight that each occurrence's own text gives to its code."""
    key = who.astype(np.int64) * (int(code.max()) + 1) + code
    _, inverse = np.unique(key, return_inverse=True)
    result: np.ndarray = np.bincount(inverse, weight)[inverse]
    return result


def judge_surprise(view: ColumnView, left: pl.DataFrame) -> pl.DataFrame:
    """Text whose letters follow each other as nowhere else in the column: keyboard play, another encoding.

    The bar rises with the number of values looked at, so that pure chance passes it once in a hundred columns.
    """
    value = pl.col("value")
    if not 200 <= len(left) <= _LETTERS // 5:
        return NOTHING
    lettered = left.filter((value.str.count_matches(r"\p{L}") >= 5) & (value.str.len_chars() <= 300))
    if len(lettered) < 200 or int(lettered["value"].str.len_chars().sum()) > _LETTERS:
        return NOTHING
    if int(lettered["n"].sum()) < 0.5 * view.filled:
        return NOTHING
    mean, new = surprise(lettered["value"].to_list(), lettered["n"].to_numpy())
    middle = float(np.median(mean))
    spread = max(1.4826 * float(np.median(np.abs(mean - middle))), 0.05)
    z = (mean - middle) / spread
    bar = 3 + (2 * np.log(len(mean) * 100)) ** 0.5
    hit = (z > bar) & (new >= 0.6)
    if not hit.any() or hit.sum() > max(3, 0.002 * len(mean)):
        return NOTHING
    rows = lettered.with_columns(z=pl.Series(z), new_share=pl.Series(new)).filter(pl.Series(hit))
    return judged(
        rows.select(
            "value",
            score=(pl.col("z") / (pl.col("z") + bar)).clip(0.5, 0.95),
            why=phrase(
                "{} % of its letter triples occur nowhere else in the column (usual spread exceeded {} times)",
                (100 * pl.col("new_share")).round(0).cast(pl.Int64),
                pl.col("z").round(1),
            ),
        ),
        kind="text_anomaly",
    )
