"""Rare values that are a slip of the hand away from a frequent value of the same column.

How many rare values would lie that near by chance is learned from the column: the share of *frequent* values, which
are legal, that lie as near to another frequent value. Where rare values do so no more often, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.view import NOTHING, judged

__all__ = [
    "Slips",
    "comparable",
    "judge_cut",
    "judge_stuck",
    "judge_typos",
    "neighbours",
    "noise_symbols",
    "slips_of",
    "split_by_count",
    "wildcard_matches",
]

_PAIRS: Final = 20_000_000  # most pairs compared at once; more are compared within equal first letters
_ALONE: Final = 100_000  # pairs up to which one thread is done before a second one has begun
_MOST: Final = 60_000  # most rare or frequent values looked at
_RATIO: Final = 5  # least cells of the neighbour per cell of the slip
_SPREAD: Final = 0.02  # share of a value's cells that one certain slip may hit, times the value's length: 20 x chance
_GLANCES: Final = 8  # places at which values are compared before all of their characters are
_FALL: Final = 3  # times that the last frequent value is more frequent than the first rare one
_MANY: Final = 3  # values one edit from one frequent value: slips hit it often, each of them more than by chance
_RUN: Final = re.compile(r"(.)\1+")
_LONG_RUN: Final = re.compile(r"(.)\1{2}")
_CELLS: Final = 40_000_000  # most characters compared at once by wildcards


_NO_MATCHES: Final = pl.DataFrame(
    schema={"value": pl.String, "n": pl.Int64, "twin": pl.String, "m": pl.Int64, "k": pl.Int64}
)


def split_by_count(values: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(frequent, rare) values: frequent ones hold the bulk of the cells, rare ones a fraction of their counts.

    With many slips, these hold part of the bulk: unless counts fall deepest beyond nine tenths of the cells, the two
    part where counts last fall to a third or less before that.
    """
    ranked = values.sort(["n", "value"], descending=[True, False])
    if not len(ranked):
        return ranked, ranked
    held = ranked["n"].cum_sum() / ranked["n"].sum()
    n, share = ranked["n"].to_numpy(), held.to_numpy()
    fall = np.where(share[:-1] >= 0.4, n[:-1] / n[1:], 0.0)
    deep = np.flatnonzero((fall >= _FALL) & (share[:-1] <= 0.9) & (n[:-1] >= 6))
    if len(deep) and share[int(fall.argmax())] <= 0.9:
        at = int(deep[-1])
        return ranked.head(at + 1), ranked.slice(at + 1)
    bulk = int(ranked["n"][min(int((held < 0.8).sum()), len(ranked) - 1)])
    least = max(3.0, bulk / 4)
    return ranked.filter(pl.col("n") >= least), ranked.filter(pl.col("n") <= max(2.0, least / 4))


def _reach(length: np.ndarray) -> np.ndarray:
    """Most edits between a slip and its word: 1 below 9 characters, 2 below 20, then a tenth."""
    return np.select([length < 2, length < 9, length < 20], [0, 1, 2], np.minimum(length // 10, 6))


def neighbours(rare: Sequence[str], frequent: Sequence[str]) -> pl.DataFrame:
    """Pairs (`value`, `twin`, `d`) within reach by insertions, deletions, substitutions and swaps (OSA distance)."""
    out: list[tuple[list[str], list[str], list[int]]] = []
    if len(rare) * len(frequent) <= _PAIRS:
        out.append(_near(list(rare), list(frequent)))
    else:
        initial: dict[str, list[str]] = {}
        for word in frequent:
            initial.setdefault(word[:1], []).append(word)
        block: dict[str, list[str]] = {}
        for word in rare:
            block.setdefault(word[:1], []).append(word)
        out += [_near(words, initial[c]) for c, words in block.items() if len(words) * len(initial.get(c, ())) <= _PAIRS
                and c in initial]  # fmt: skip
    return pl.DataFrame(
        {
            "value": [v for part in out for v in part[0]],
            "twin": [t for part in out for t in part[1]],
            "d": [d for part in out for d in part[2]],
        },
        schema={"value": pl.String, "twin": pl.String, "d": pl.Int64},
    )


def _near(rare: list[str], frequent: list[str]) -> tuple[list[str], list[str], list[int]]:
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    if not rare or not frequent:
        return [], [], []
    rare_length = np.array([len(v) for v in rare])
    reach = _reach(rare_length)
    values: list[str] = []
    twins: list[str] = []
    distances: list[int] = []
    for k in np.unique(reach[reach > 0]):
        index = np.flatnonzero(reach == k)
        d = cdist(
            [rare[i] for i in index], frequent, scorer=OSA.distance, score_cutoff=int(k), dtype=np.uint8,
            workers=1 if len(index) * len(frequent) <= _ALONE else 2,
        )  # fmt: skip
        r, f = np.nonzero((d <= k) & (d > 0))
        values += [rare[index[i]] for i in r]
        twins += [frequent[i] for i in f]
        distances += d[r, f].tolist()
    return values, twins, distances


def comparable(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose digits agree and that differ in a word: other digits or short parts of a code are other things."""
    digits = pl.col("value").str.replace_all(r"\D+", "")
    same = pairs.filter(digits == pl.col("twin").str.replace_all(r"\D+", ""))
    coded = pl.col("twin").str.contains(r"[\d_]")
    if not len(same.filter(coded)):
        return same
    # in codes made of parts a part of three letters or less has a meaning of its own ("ak_1", "al_1")
    twins = same.filter(coded)
    kept = [
        any(len(part) >= 4 for part in set(re.split(r"[\W_\d]+", twin)) - set(re.split(r"[\W_\d]+", value)))
        for value, twin in twins.select("value", "twin").iter_rows()
    ]
    return pl.concat([same.filter(~coded), twins.filter(pl.Series(kept, dtype=pl.Boolean))])


def judge_typos(left: pl.DataFrame) -> pl.DataFrame:
    """Typos among `left`, the values of a text column that are not yet judged.

    Words of up to three letters are judged apart: there chance is another.
    """
    length = pl.col("value").str.len_chars()
    frequent, rare = split_by_count(left.filter(pl.col("value").str.contains(r"\p{L}{2}") & (length <= 200)))
    parts = [
        _judge(frequent.filter(length >= 4), rare.filter(length >= 4), left),
        _judge(frequent.filter(length <= 3), rare.filter(length.is_between(2, 4)), left, least_words=3),
    ]
    return pl.concat(parts).unique("value", keep="first", maintain_order=True)


@dataclass(frozen=True, eq=False)
class Slips:
    """What a column says about values near to its frequent ones (`words`: value, n), to judge other values by.

    `chance`: share of frequent values that have another one as near, one edit away and further; `share`: the same of
    rare values, with two more of which one is as near (the rule of succession).
    """

    words: pl.DataFrame
    chance: tuple[float, float]
    share: tuple[float, float]

    def judge(self, left: pl.DataFrame) -> pl.DataFrame:
        """Values of `left` that are slips of a frequent one; each is judged by itself."""
        length = pl.col("value").str.len_chars()
        rare = left.filter(length.is_between(4, 200) & pl.col("value").str.contains(r"\p{L}{2}"))
        if not len(rare):
            return NOTHING
        size = max(_PAIRS // len(self.words), 1)  # so many are compared with all words, whatever else is looked at
        words, values = self.words["value"].to_list(), rare["value"].to_list()
        parts = [neighbours(values[at : at + size], words) for at in range(0, len(values), size)]
        found = comparable(pl.concat(parts))
        if not len(found):
            return NOTHING
        counts = self.words.select(twin="value", m="n")
        found = found.join(rare.select("value", "n"), on="value").join(counts, on="twin")
        single = pl.col("d") == 1
        sure = [_no_chance(self.chance[at], self.share[at]) for at in (0, 1)]
        found = found.filter((pl.col("m") >= _RATIO * pl.col("n")) & (single | ~single.any().over("value")))
        found = found.with_columns(sure=pl.when(single).then(sure[0]).otherwise(sure[1]))
        return _told(found.filter(pl.col("sure") >= 0.5))


def slips_of(left: pl.DataFrame) -> Slips | None:
    """What the values of a column of words say about others; None where it has no frequent words, or too many."""
    length = pl.col("value").str.len_chars()
    frequent, rare = split_by_count(left.filter(pl.col("value").str.contains(r"\p{L}{2}") & (length <= 200)))
    frequent, rare = frequent.filter(length >= 4), rare.filter(length >= 4)
    if not len(frequent) or max(len(frequent), len(rare)) > _MOST // 10:
        return None
    words = frequent["value"].to_list()
    legal, near = (comparable(neighbours(values, words)) for values in (words, rare["value"].to_list()))
    single = pl.col("d") == 1
    chance, share, n_rare = [], [], len(rare)
    for hit in (single, ~single):
        pairs = near.filter(hit)["value"].n_unique()
        chance.append((legal.filter(hit)["value"].n_unique() + 0.5) / (len(words) + 1))
        share.append((pairs + 1) / (n_rare + 2))
        n_rare -= pairs
    return Slips(frequent.select("value", "n"), (chance[0], chance[1]), (share[0], share[1]))


def judge_stuck(left: pl.DataFrame) -> pl.DataFrame:
    """Values with a character three times in a row, that are a far more frequent one with it written less often."""
    frequent, rare = split_by_count(left.filter(pl.col("value").str.contains(r"\p{L}{2}")))
    if not len(frequent) or not 0 < len(rare) <= _MOST:
        return NOTHING
    stuck = [(v, _RUN.sub(r"\1", v)) for v in rare["value"].to_list() if _LONG_RUN.search(v)]
    words = [(v, _RUN.sub(r"\1", v)) for v in frequent["value"].to_list()] if stuck else []
    twins = pl.DataFrame(words, schema={"new": pl.String, "key": pl.String}, orient="row")
    pairs = pl.DataFrame(stuck, schema={"value": pl.String, "key": pl.String}, orient="row").join(twins, on="key")
    pairs = pairs.filter(pl.len().over("value") == 1).join(rare.select("value", "n"), on="value")
    pairs = pairs.join(frequent.select(new="value", m="n"), on="new").sort("value")
    return judged(
        pairs.filter(pl.col("m") >= _RATIO * pl.col("n")).select(
            "value", "new",
            why=phrase("a character is repeated; {} {}", number_of("m", "cell holds", "cells hold"), quoted("new")),
        ),
        kind="typo", score=0.96, mend=True, new_score=0.96, operation="typo",
        says="write once the character that was typed again and again",
    )  # fmt: skip


def judge_cut(left: pl.DataFrame) -> pl.DataFrame:
    """Rare values that one frequent value alone begins with, two characters longer at least: the end was cut off.

    Three values must be so, and more than frequent values do by right ("net 30" beside "net 30 days").
    """
    lettered = left.filter(pl.col("value").str.contains(r"\p{L}{2}"))
    frequent, rare = split_by_count(lettered)
    if not len(frequent) or not 0 < len(rare) <= _MOST:
        return NOTHING
    words, legal = frequent["value"].sort(), _goes_on(frequent["value"], frequent["value"])
    by_chance = (int((legal["ways"] > 1).sum()) + 0.5) / (len(words) + 1)
    found = _goes_on(rare["value"], words).filter(pl.col("ways") == 1)
    found = found.filter(pl.col("new").str.len_chars() >= pl.col("value").str.len_chars() + 2)
    share = len(found) / (len(rare) + 1)
    if len(found) < 3 or by_chance > 0.5:
        return NOTHING
    sure = 1 - by_chance * (1 - share) / ((1 - by_chance) * share)
    found = found.join(rare.select("value", "n"), on="value").join(frequent.select(new="value", m="n"), on="new")
    found = found.filter(pl.col("m") >= _RATIO * pl.col("n")).sort("value")
    if sure < 0.5:
        return NOTHING
    return judged(
        found.select(
            "value", "new",
            why=phrase("{} begins so, and no other usual value does; {} it", quoted("new"),
                       number_of("m", "cell holds", "cells hold")),
            score=pl.lit(sure),
            new_score=0.96 * sure * pl.when(pl.col("value").str.len_chars() > 2).then(1.0).otherwise(0.9),
        ),
        kind="typo", mend=True, operation="cut", says="write out the value whose end was cut off",
    )  # fmt: skip


def _goes_on(values: pl.Series, words: pl.Series) -> pl.DataFrame:
    """Each value with the number of words (`ways`) that begin with it, and the first of them (`new`)."""
    ranked = words.sort()
    first = ranked.search_sorted(values, side="left")
    beyond = ranked.search_sorted(values + "\U0010ffff", side="left")
    new = ranked.gather(first.set(first >= len(ranked), 0))
    return pl.DataFrame({"value": values, "new": new, "ways": beyond.cast(pl.Int64) - first.cast(pl.Int64)})


def _judge(frequent: pl.DataFrame, rare: pl.DataFrame, left: pl.DataFrame, *, least_words: int = 1) -> pl.DataFrame:
    if len(frequent) < least_words or not len(rare) or max(len(frequent), len(rare)) > _MOST:
        return NOTHING
    words = frequent["value"].to_list()
    found = comparable(neighbours(rare["value"].to_list(), words))
    if not len(found):
        return NOTHING
    counts = left.select(twin="value", m="n")
    found = found.join(rare.select("value", "n"), on="value").join(counts, on="twin")
    # one slip in a hundred cells, spread over ten edits a letter: many copies of one slip are no slips
    copies = 3 + _SPREAD * pl.col("m") / pl.col("twin").str.len_chars()
    is_hit = (pl.col("d") == 1).sum().over("twin") >= _MANY
    found = found.filter((pl.col("m") >= _RATIO * pl.col("n")) & ((pl.col("n") <= copies) | is_hit))
    legal = comparable(neighbours(words, words))
    near = [_sureness(found, legal, rare, words, is_first) for is_first in (True, False)]
    return _told(pl.concat(near))


def _told(found: pl.DataFrame) -> pl.DataFrame:
    """The judgement of pairs (`value`, `twin`, `d`, `n`, `m`, `sure`): each value is the likeliest of its twins."""
    if not len(found):
        return NOTHING
    best = _best(found)
    grammar = _is_grammar(pl.col("value"), pl.col("twin"))
    factor = pl.when(grammar).then(0.6).otherwise(1.0) * pl.when(pl.col("d") == 1).then(1.0).otherwise(0.95)
    sound = pl.when(pl.col("m") >= 20 * pl.col("n")).then(0.98).otherwise(0.93)
    scored = best.with_columns(score=(pl.col("sure") * factor * sound).clip(0, 1)).filter(pl.col("score") >= 0.5)
    return judged(
        scored.select(
            "value",
            "score",
            why=phrase("{} {}, {} {}, {} away", number_of("n", "cell holds", "cells hold"), quoted("value"),
                       number_of("m", "holds", "hold"), quoted("twin"), number_of("d", "edit", "edits")),
            new="twin",
            new_score=pl.col("score") * pl.col("part"),
        ),
        kind="typo",
        mend=True,
        operation="typo",
        says="replace likely typos by the frequent value they are near to",
    )  # fmt: skip


def _sureness(
    found: pl.DataFrame, legal: pl.DataFrame, rare: pl.DataFrame, words: list[str], is_first: bool
) -> pl.DataFrame:
    """The pairs one edit apart (or, of the other values, those further apart), with `sure`: that it is no chance.

    Chance is the share of frequent values that have another one as near. Where that is more than half, nearness
    tells nothing.
    """
    single = pl.col("d") == 1
    pairs, base = found.filter(single), legal.filter(single)
    n_rare = len(rare)
    if not is_first:
        first = pairs["value"].unique()
        pairs = found.filter(~single & ~pl.col("value").is_in(first.implode()))
        base, n_rare = legal.filter(~single), n_rare - len(first)
    by_chance = (base["value"].n_unique() + 0.5) / (len(words) + 1)
    share = pairs["value"].n_unique() / (n_rare + 1)
    sure = _no_chance(by_chance, share)
    return pairs.with_columns(sure=pl.lit(sure)).filter(pl.col("sure") >= 0.5)


def _no_chance(by_chance: float, share: float) -> float:
    """How sure it is that a value near to another one is no chance, where a `share` of such values is as near."""
    return 1 - by_chance * (1 - share) / max((1 - by_chance) * share, 1e-9) if by_chance <= 0.5 else 0.0


def _best(found: pl.DataFrame) -> pl.DataFrame:
    """The likeliest twin of each value, with its `part` of the likelihood: count times 1/50 for each further edit."""
    weighed = found.with_columns(w=pl.col("m") * pl.lit(0.02).pow(pl.col("d") - 1))
    ranked = weighed.sort(["value", "w", "twin"], descending=[False, True, False])
    part = pl.col("w") / pl.col("w").sum().over("value")
    return ranked.with_columns(part=part).unique(subset="value", keep="first", maintain_order=True)


def _is_grammar(value: pl.Expr, twin: pl.Expr) -> pl.Expr:
    """Whether one is the other with a usual ending (plural, feminine, agent): often another legal value."""
    endings = ["s", "es", "e", "a", "o", "r", "er", "n", "en", "y", "i", "d"]
    made = [(value == twin + pl.lit(end)) | (twin == value + pl.lit(end)) for end in endings]
    return pl.any_horizontal(made)


def noise_symbols(pairs: pl.DataFrame) -> list[str]:
    """Characters that overwrote others in many pairs of equal length: the target of 60 % of all overwrites.

    `pairs` has `value` (damaged) and `twin`. A symbol needs 10 overwritten places and 5 different lost characters.
    """
    same = pairs.filter(pl.col("value").str.len_chars() == pl.col("twin").str.len_chars()).unique()
    if len(same) < 10:
        return []
    targets: dict[str, list[str]] = {}
    n_values = 0
    for value, twin in same.select("value", "twin").head(20_000).iter_rows():
        differing = [(a, b) for a, b in zip(value, twin) if a != b]
        put = {a for a, _ in differing}
        if len(put) == 1 and sorted(value) != sorted(twin):
            n_values += 1
            targets.setdefault(next(iter(put)), []).extend(b for _, b in differing)
    # noise does not choose what it overwrites; words that differ in one place do
    return sorted(c for c, lost in targets.items() if len(lost) >= max(10, 0.6 * n_values) and len(set(lost)) >= 5)


def wildcard_matches(values: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """Values that equal exactly one more frequent value of their length but where they hold `symbol`.

    Returns `value`, `n`, `twin`, `m`, `k` (characters overwritten). At most half of the characters may be overwritten.
    """
    words, count = values["value"], values["n"]
    texts, length = np.array(words.to_list(), dtype=object), words.str.len_chars().to_numpy()
    is_damaged, is_clean = words.str.contains(symbol, literal=True).to_numpy(), (count >= 2).to_numpy()
    out: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for width in np.unique(length[is_damaged]).tolist():
        part = np.flatnonzero(is_damaged & (length == width))
        whole = np.flatnonzero(is_clean & (length == width))
        if not len(whole) or width < 2 or width > 400:
            continue
        step = max(1, _CELLS // (len(whole) * width))
        if len(part) > 200 * step:
            continue
        clean = _characters(texts[whole], width)
        for start in range(0, len(part), step):
            chunk = part[start : start + step]
            rough = _characters(texts[chunk], width)
            likely = np.ones((len(chunk), len(whole)), bool)
            for at in np.unique(np.linspace(0, width - 1, _GLANCES).astype(int)).tolist():
                likely &= (rough[:, at, None] == clean[None, :, at]) | (rough[:, at, None] == ord(symbol))
            r, f = np.nonzero(likely)
            differs = rough[r] != clean[f]
            n_put = differs.sum(axis=1)
            legal = (n_put > 0) & (n_put <= max(1, width // 2)) & ~(differs & (rough[r] != ord(symbol))).any(axis=1)
            out.append((chunk[r[legal]], whole[f[legal]], n_put[legal]))
    if not out:
        return _NO_MATCHES
    damaged, twin, put = (np.concatenate(parts) for parts in zip(*out))
    found = pl.DataFrame(
        {
            "value": words.gather(damaged),
            "n": count.gather(damaged),
            "twin": words.gather(twin),
            "m": count.gather(twin),
            "k": pl.Series(put, dtype=pl.Int64),
        }
    )
    # a twin that holds the symbol at the same place may itself be damaged: the one with fewer symbols is the clean one
    found = found.filter(pl.col("m") >= 2 * pl.col("n")).sort("value", "twin")
    least = pl.col("k") == pl.col("k").max().over("value")
    found = found.filter(least)
    return found.filter(pl.len().over("value") == 1)


def _characters(words: np.ndarray, width: int) -> np.ndarray:
    """(n, width) code points of words of one length."""
    return words.astype(f"<U{width}").view(np.uint32).reshape(len(words), width)
