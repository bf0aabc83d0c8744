"""Judge values that a noise operation explains: affixes, blocks inside a word, one symbol over many characters."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.edits import Affix, block_edits, mine_affixes, mine_odd_ends, strip_affix
from kintsu.profile.values.nature import nature_of
from kintsu.profile.values.shapes import exact_pattern
from kintsu.profile.values.surface import clean_of
from kintsu.profile.values.typos import comparable, neighbours, noise_symbols, split_by_count, wildcard_matches
from kintsu.profile.values.view import NOTHING, ColumnView, besides, judged

__all__ = ["judge_noise", "table_symbols"]

_DISTINCT: Final = 50_000  # most distinct values of a column that operations are mined in
_LOST: Final = "\ufffd"  # stands for bytes that could not be decoded
_PLACEHOLDERS: Final = (_LOST, "#", "*", "?", "_", "~", "@", "$", "§", "^", "|")  # signs written over letters
_SMALL: Final = 300  # most distinct values of a column in which all pairs are compared
_PAIR_WORK: Final = 2e9  # cells compared over all pairs of text columns: seconds
_SIBLINGS: Final = 6  # columns that one column is compared with value by value


def _is_wordy(view: ColumnView) -> bool:
    """Whether the column holds words: letters in most cells, none of them long texts, not too many."""
    if not 2 <= view.distinct <= _DISTINCT or view.filled < 20:
        return False
    return view.is_wordy


def table_symbols(reference: Reference) -> list[str]:
    """Symbols that overwrite characters all over the table, remembered. See `typos.noise_symbols`."""

    def build() -> list[str]:
        parts = []
        for name in reference.columns:
            view = clean_of(reference, name)
            if not _is_wordy(view) or view.is_near_unique:
                continue
            frequent, rare = split_by_count(view.values)
            if len(rare) and len(frequent) and len(rare) * len(frequent) <= 4_000_000:
                parts.append(comparable(neighbours(rare["value"].to_list(), frequent["value"].to_list())))
        return noise_symbols(pl.concat(parts)) if parts else []

    symbols: list[str] = remembered(reference, ("symbols",), build)
    return symbols


def judge_noise(reference: Reference, name: str, left: pl.DataFrame) -> pl.DataFrame:
    """Values of `left` that one of the mined operations damaged, with their clean form."""
    view = clean_of(reference, name)
    done = [judge_wildcards(reference, view, left)]
    if not _is_wordy(view) or nature_of(reference, name).is_numeric:
        return done[0]
    left = besides(left, done[0]["value"])
    siblings = _sibling_pairs(reference, name)
    affixes = mine_affixes(left, siblings)
    for affix in affixes:
        found = _judge_affix(left, affix)
        done.append(found)
        left = besides(left, found["value"])
    if not affixes and view.is_near_unique:
        for affix in mine_odd_ends(left):
            found = _judge_affix(left, affix)
            done.append(found)
            left = besides(left, found["value"])
    if not view.is_near_unique:
        found = judge_reversed(left)
        done.append(found)
        left = besides(left, found["value"])
    if left.height <= _SMALL and not view.is_near_unique:
        found = judge_blocks(left)
        done.append(found)
        done.append(judge_lone_affix(besides(left, found["value"]), view.filled))
    done = [part for part in done if len(part)]
    return _chain(pl.concat(done)) if done else NOTHING


def judge_wildcards(reference: Reference, view: ColumnView, left: pl.DataFrame) -> pl.DataFrame:
    """Values that a symbol overwrote in part, where one frequent value fits."""
    if view.distinct > _DISTINCT or view.is_near_unique:
        return NOTHING
    out = []
    common = table_symbols(reference)
    # "$5.8" and "18**" among numbers are numbers with something beside them
    beside = pl.col("value").str.contains(r"^[^\p{L}\d\s.,+-]+[+-]?\d[\d.,]*$|^[+-]?\d[\d.,]*[^\p{L}\d\s.,+-]+$")
    if nature_of(reference, view.name).kind in ("number", "code"):
        left = left.filter(~beside)
    written = "".join(left["value"].to_list())
    for symbol in [*common, *(s for s in _PLACEHOLDERS if s not in common)]:
        if symbol not in written:
            continue
        found = wildcard_matches(left, symbol)
        # outside the table's own symbols most values that hold the sign must fit one clean value each
        held = left.filter(pl.col("value").str.contains(symbol, literal=True)) if symbol not in common else found
        if len(found) < (1 if symbol == _LOST or symbol in common else 3) or len(found) < 0.6 * len(held):
            continue
        # the share of the symbol in clean values says how often a match is chance; length makes up for it
        length = pl.col("value").str.len_chars()
        sure = pl.when(length >= 6).then(0.97).when(length >= 4).then(0.93).when(length == 3).then(0.85).otherwise(0.7)
        sure = sure * pl.when(pl.col("m") >= 5 * pl.col("n")).then(1.0).otherwise(0.9)
        out.append(
            judged(
                found.with_columns(new_score=sure).select(
                    "value",
                    "new_score",
                    new="twin",
                    score="new_score",
                    why=phrase(
                        "{} overwritten by {}; {} {}",
                        number_of("k", "of its characters is", "of its characters are"), pl.lit(repr(symbol)),
                        number_of("m", "cell holds", "cells hold"), quoted("twin"),
                    ),
                ),
                kind="typo", mend=True, operation="noise_symbol",
                says=f"put back the characters that {symbol!r} overwrote",
            )
        )  # fmt: skip
    return pl.concat(out).unique(subset="value", keep="first", maintain_order=True) if out else NOTHING


def _judge_affix(left: pl.DataFrame, affix: Affix) -> pl.DataFrame:
    """All values that carry a mined affix, with or without a clean twin."""
    made = left.with_columns(new=strip_affix(pl.col("value"), affix)).drop_nulls("new")
    known = left.select(new="value", seen="n")
    made = made.join(known, on="new", how="left", maintain_order="left")
    base = 0.97 if affix.twins >= 3 and (affix.strange or affix.even) else 0.9
    alone = 0.96 if affix.strange and affix.twins >= 3 else 0.8 if affix.twins >= 5 else 0.6
    score = pl.when(pl.col("seen") > 0).then(base).otherwise(alone)
    return judged(
        made.select(
            "value",
            "new",
            score=score,
            new_score=score,
            why=phrase(
                "{} at the {} of {} cells; {} values occur with and without it",
                pl.lit(repr(affix.text)), pl.lit(affix.place), pl.lit(affix.cells), pl.lit(affix.twins),
            ),
        ),
        kind="typo", mend=True, operation="noise_affix",
        says=f"take {affix.text!r} away from the {affix.place}",
    )  # fmt: skip


def judge_reversed(left: pl.DataFrame) -> pl.DataFrame:
    """Values that a more frequent value is when read from its end: two of them at least, and no two frequent ones."""
    worded = left.filter(pl.col("value").str.contains(r"\p{L}.*\p{L}") & (pl.col("value").str.len_chars() >= 3))
    pairs = worded.with_columns(new=pl.col("value").str.reverse()).join(
        worded.select(new="value", m="n"), on="new", maintain_order="left"
    )
    pairs = pairs.filter(pl.col("value") != pl.col("new"))
    found = pairs.filter(pl.col("m") >= 3 * pl.col("n"))
    if len(found) < 2 or 2 * len(found) < len(pairs):  # each pair of equals stands there twice, each slip once and back
        return NOTHING
    return judged(
        found.select(
            "value",
            "new",
            new_score=pl.lit(0.96 if len(found) >= 3 else 0.85),
            why=phrase("it reads {} from its end, as {} do", quoted("new"), number_of("m", "cell", "cells")),
        ),
        kind="typo", score=0.95, mend=True, operation="noise_reverse", says="write the characters in reverse order",
    )  # fmt: skip


def judge_blocks(left: pl.DataFrame) -> pl.DataFrame:
    """Operations inside words (letters dropped, swapped, put in) that hit several values of a small domain alike."""
    ranked = left.filter(pl.col("value").str.len_chars() >= 4).sort(["n", "value"], descending=[True, False])
    if len(ranked) < 4:
        return NOTHING
    words, counts = ranked["value"].to_list(), ranked["n"].to_list()
    support: dict[tuple[tuple[str, str, str], ...], list[tuple[str, str, int, int]]] = {}
    for i, damaged in enumerate(words):
        for j in range(i):
            clean = words[j]
            # an edit inside a word leaves its ends alone
            if clean[0] != damaged[0] or clean[-1] != damaged[-1]:
                continue
            if counts[i] > 0.35 * counts[j] or abs(len(clean) - len(damaged)) > 6:
                continue
            edit = block_edits(damaged, clean)
            if edit and _is_inside(edit, damaged, clean):
                support.setdefault(edit, []).append((damaged, clean, counts[i], counts[j]))
    if not support:
        return NOTHING
    clean_domain = _n_bulk(counts, int(left["n"].sum()))
    bulk = words[: min(clean_domain, 100)]
    # an edit that leads from one frequent value to another is a difference of meaning
    legal = {block_edits(a, b) for a in bulk for b in bulk if a != b and a[0] == b[0] and a[-1] == b[-1]}
    kept: dict[str, tuple[str, float, str, int]] = {}
    for edit, pairs in sorted(support.items(), key=lambda e: (-len(e[1]), e[0])):
        twins = {clean for _, clean, _, _ in pairs}
        if edit in legal or len(twins) < 2 or len(twins) < 0.5 * clean_domain:
            continue
        size = sum(len(cut) + len(put) for cut, put, _ in edit)
        for damaged, clean, _, _ in pairs:
            known = kept.get(damaged)
            if known is None or size < known[3]:
                # one letter, and far fewer cells than the twin: nothing else can be meant
                plain = size <= 2 and all(20 * n <= m for _, _, n, m in pairs)
                sure = 0.96 if plain and len(twins) >= 3 else 0.9 if len(twins) >= 3 else 0.85
                kept[damaged] = (clean, sure, _words(edit), size)
    return _block_judgement(kept) if kept else NOTHING


def _block_judgement(kept: dict[str, tuple[str, float, str, int]]) -> pl.DataFrame:
    rows = sorted(kept.items())
    frame = pl.DataFrame(
        {
            "value": [v for v, _ in rows],
            "new": [k[0] for _, k in rows],
            "new_score": [k[1] for _, k in rows],
            "why": [f"{k[2]}; the same happened to other values of this column" for _, k in rows],
            "says": [f"take back: {k[2]}" for _, k in rows],
        }
    )
    frame = frame.with_columns(score="new_score")
    return judged(frame, kind="typo", mend=True, operation="noise_block")


def _n_bulk(counts: list[int], total: int) -> int:
    """Number of most frequent values that hold 80 % of the cells."""
    held = 0
    for i, n in enumerate(counts):
        held += n
        if held >= 0.8 * total:
            return i + 1
    return len(counts)


def _is_inside(edit: tuple[tuple[str, str, str], ...], damaged: str, clean: str) -> bool:
    """Whether an edit breaks words: not at either end, no whole word put, cut or exchanged, the same digits."""
    if any(place != "inside" for _, _, place in edit) or sum(len(c) + len(p) for c, p, _ in edit) > 0.6 * len(clean):
        return False
    if sorted(c for c in damaged if c.isdigit()) != sorted(c for c in clean if c.isdigit()):
        return False
    before, after = set(_tokens(clean)), set(_tokens(damaged))
    lost, came = before - after, after - before
    # words put or cut leave one side empty; short codes differ by right ("AK", "AL")
    return bool(lost) and bool(came) and min(map(len, lost)) >= 4 and min(map(len, came)) >= 3


def _tokens(text: str) -> list[str]:
    return [t for t in "".join(c if c.isalnum() else " " for c in text).split() if t]


def _words(edit: tuple[tuple[str, str, str], ...]) -> str:
    parts = []
    for cut, put, _ in edit:
        if cut and put:
            parts.append(f"{put!r} written for {cut!r}")
        elif cut:
            parts.append(f"{cut!r} dropped")
        else:
            parts.append(f"{put!r} put in")
    return ", ".join(parts)


def judge_lone_affix(left: pl.DataFrame, filled: int) -> pl.DataFrame:
    """One value that is the dominant value with characters added, of another form than all clean values.

    Weaker than a mined operation: never applied without a person. "female" beside "male" has the same form and stays.
    """
    formed = left.with_columns(p=exact_pattern(pl.col("value")))
    if not len(formed):
        return NOTHING
    forms = formed.group_by("p").agg(pl.col("n").sum(), pl.len().alias("d")).sort("n", "p")
    form, held = str(forms["p"][-1]), int(forms["n"][-1])
    if held < 0.5 * filled or len(form) > 12:
        return NOTHING
    clean = formed.filter((pl.col("p") == form) & (pl.col("n") >= 0.3 * filled)).select(twin="value", m="n")
    odd = formed.filter((pl.col("p") != form) & (pl.len().over("p") == 1))
    if not len(odd) or not len(clean):
        return NOTHING
    pairs = odd.join(clean, how="cross").filter(
        (pl.col("m") > pl.col("n"))
        & (pl.col("value").str.len_chars() <= pl.col("twin").str.len_chars() + 4)
        & (pl.col("value").str.len_chars() > pl.col("twin").str.len_chars())
        & (pl.col("value").str.starts_with(pl.col("twin")) | pl.col("value").str.ends_with(pl.col("twin")))
    )
    if not len(pairs):
        return NOTHING
    pairs = pairs.filter(_mixes(pl.col("value"), pl.col("twin")))
    return judged(
        pairs.select(
            "value",
            new="twin",
            why=phrase(
                "{} {}, which is {} with characters added",
                *(number_of("n", "cell holds", "cells hold"), quoted("value"), quoted("twin")),
            ),
        ).unique(subset="value", keep="none"),
        kind="typo",
        score=0.8,
        mend=True,
        new_score=0.75,
        operation="noise_affix",
        says="take characters away that were added to the usual value",
    )


def _mixes(value: pl.Expr, twin: pl.Expr) -> pl.Expr:
    """Whether the added characters are of a class that the clean value has none of."""
    out = pl.lit(False)
    for cls in (r"\p{Ll}", r"\p{Lu}", r"[^\p{L}\d\s]"):
        out = out | (value.str.contains(cls) & ~twin.str.contains(cls))
    return out & (value.str.contains(r"\s") == twin.str.contains(r"\s"))


def _chain(table: pl.DataFrame) -> pl.DataFrame:
    """Repairs that lead to a value which is itself damaged go on to its repair, three steps at most."""
    step = table.filter("mend").select(new="value", then="new", then_score="new_score", then_why="why")
    for _ in range(3):
        joined = table.join(step, on="new", how="left", maintain_order="left")
        on = pl.col("then").is_not_null() & (pl.col("then") != pl.col("value"))
        if not joined.select(on.any()).item():
            break
        table = joined.with_columns(
            new=pl.when(on).then("then").otherwise("new"),
            new_score=pl.when(on).then(pl.col("new_score") * pl.col("then_score")).otherwise("new_score"),
            why=pl.when(on).then(phrase("{}; {}", "why", "then_why")).otherwise("why"),
        ).drop("then", "then_score", "then_why")
    return table.filter(pl.col("new") != pl.col("value"))


def _siblings(reference: Reference) -> dict[str, list[str]]:
    """Text columns that hold the same text in a tenth of the rows, remembered: the most alike first, a few each.

    Wide tables are judged on fewer rows: two thousand columns are two million pairs.
    """

    def build() -> dict[str, list[str]]:
        names = [name for name in reference.columns if not reference.column(name).is_numeric]
        if len(names) < 2:
            return {}
        probe = int(np.clip(_PAIR_WORK / len(names) ** 2, 200, 5_000))
        texts = [reference.sample[name].text.head(probe) for name in names]
        # one code per distinct text of the whole table; 0 is null and equals nothing
        codes = pl.concat(texts).rank("dense").fill_null(0).to_numpy().reshape(len(names), -1)
        filled = codes > 0
        alike = {}
        for at, name in enumerate(names):
            both = (filled & filled[at]).sum(axis=1)
            share = ((codes == codes[at]) & filled[at]).sum(axis=1) / np.maximum(both, 1)
            share[at] = 0.0
            best = np.argsort(-share, kind="stable")[:_SIBLINGS]
            alike[name] = [names[other] for other in best.tolist() if share[other] >= 0.1]
        return alike

    found: dict[str, list[str]] = remembered(reference, ("siblings",), build)
    return found


def _sibling_pairs(reference: Reference, name: str) -> pl.DataFrame | None:
    """Pairs like `edits.affix_pairs`, from other columns that often hold the same text in the same row."""
    sample = reference.sample
    if len(sample) < 50 or reference.column(name).is_numeric:
        return None
    mine = sample[name].text
    out = []
    for other in _siblings(reference).get(name, []):
        theirs = sample[other].text
        rows = pl.DataFrame({"value": mine, "twin": theirs}).drop_nulls().filter(pl.col("value") != pl.col("twin"))
        k = pl.col("value").str.len_chars().cast(pl.Int64) - pl.col("twin").str.len_chars().cast(pl.Int64)
        rows = rows.with_columns(k=k).filter(pl.col("k").is_between(1, 6) & (pl.col("twin").str.len_chars() >= 2))
        counted = rows.group_by("value", "twin", "k").agg(pl.len().cast(pl.Int64).alias("n"))
        ends = counted.filter(pl.col("value").str.starts_with(pl.col("twin"))).with_columns(
            affix=pl.col("value").str.tail(pl.col("k")), at_end=pl.lit(True)
        )
        begins = counted.filter(pl.col("value").str.ends_with(pl.col("twin"))).with_columns(
            affix=pl.col("value").str.head(pl.col("k")), at_end=pl.lit(False)
        )
        out.append(pl.concat([ends, begins]).with_columns(m=pl.col("n")))
    if not out:
        return None
    return pl.concat(out).select("value", "n", "twin", "m", "affix", "at_end").sort("value", "affix", "twin")
