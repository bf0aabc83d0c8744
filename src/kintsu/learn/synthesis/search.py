"""Search the programs that explain examples, and judge how far they can be trusted on other cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import polars as pl

from kintsu.learn.synthesis.program import DATE_FORMATS, Program

__all__ = ["ASKS", "Learned", "candidates", "learn"]

Pair = tuple[str | None, str | None]

MOST_PAIRS: Final = 60  # distinct pairs of a column from which programs are made
MOST_PROGRAMS: Final = 400  # tried per column
SUPPORT_CAP: Final = 20  # distinct values beyond which more of them prove no more
SUPPORT_WEIGHT: Final = 0.5  # of a changed value that looks right afterwards, in labelled cells
HABIT: Final = 0.5  # share of a column's cells above which a program is about the column's habit
CLEAN_LOOKING: Final = 0.2  # share of the values changed that may look clean before
STRANGE_WEIGHT: Final = 0.1  # of an unflagged value that would become one that the column has nowhere, ...
STRANGE_CAP: Final = 3.0  # ... in labelled cells, and of all of them together
PRIOR: Final = 3.5  # a program that one example speaks for is more likely wrong than right elsewhere
ASKS: Final = "other cells with this value look right: a question for a person"
"""The reason of decisions of a program that asks: until somebody says yes it is not remembered."""
COMMON: Final = 5  # cells; an unflagged value that stands in so many looks clean


@dataclass(frozen=True)
class Learned:
    """A program, the labelled cells it explains, and its confidence on cells that nobody labelled.

    `asks`: nothing separates the corrected cells from others that look right, so a person decides about those.
    """

    program: Program
    pairs: int
    confidence: float
    asks: bool = False


def learn(pairs: Sequence[Pair], values: pl.DataFrame) -> list[Learned]:
    """Programs that explain the pairs and can be trusted on other cells of the column, the best first.

    Parameters
    ----------
    pairs
        (before, after) of labelled cells, repeated where several cells agree; equal texts say that the cell was right.
        None is an empty cell.
    values
        Distinct texts of the column, nulls included: `value` String, `n` cells, `flagged` cells with a finding.

    A program never contradicts a pair. It is given up where it would change values that look clean. Each pair is
    explained by at most one program: the one that explains most pairs, then the simplest.

    A correction of a value that other cells have, too, without looking wrong, is evidence for its own row. Such a
    program asks, unless other values support it or as many cells were corrected alike as make a value common.
    """
    examples = pl.DataFrame(
        list(pairs), schema={"before": pl.String, "after": pl.String}, orient="row"
    ).with_columns(times=pl.len().over("before", "after")).unique().sort("before", "after", "times")  # fmt: skip
    wrong = examples.filter(~pl.col("before").eq_missing(pl.col("after")))
    tried: list[tuple[Program, set[int], int]] = []
    seen: set[str] = set()
    for program in _programs(wrong, examples):
        if repr(program) in seen or len(tried) >= MOST_PROGRAMS:
            continue
        seen.add(repr(program))
        hits = _explained(program, wrong, examples)
        if hits:
            tried.append((program, hits, int(wrong["times"].gather(sorted(hits)).sum())))
    found: list[Learned] = []
    open_ = set(range(len(wrong)))
    for program, hits, times in sorted(tried, key=lambda each: (-each[2], each[0].cost, repr(each[0]))):
        fresh = hits & open_
        if not fresh:
            continue
        learned = _trusted(program, times, wrong, values)
        if learned is not None:
            open_ -= fresh
            found.append(learned)
    return found


def _programs(wrong: pl.DataFrame, examples: pl.DataFrame) -> Iterator[Program]:
    """Programs made from each pair; with a condition where the bare one contradicts another pair."""
    for before, after in wrong.head(MOST_PAIRS).select("before", "after").iter_rows():
        for program in candidates(before, after):
            if _contradicted(program, examples).is_empty():
                yield program
            elif program.operation != "set" and before is not None:
                yield from _conditioned(program, examples)


def _explained(program: Program, wrong: pl.DataFrame, examples: pl.DataFrame) -> set[int]:
    if len(_contradicted(program, examples)):
        return set()
    fires = program.fires(wrong["before"])
    right = fires & program.run(wrong["before"]).eq_missing(wrong["after"])
    return set(right.arg_true().to_list())


def _contradicted(program: Program, examples: pl.DataFrame) -> pl.DataFrame:
    fires = program.fires(examples["before"])
    return examples.filter(fires & ~program.run(examples["before"]).eq_missing(examples["after"]))


def _conditioned(program: Program, examples: pl.DataFrame) -> Iterator[Program]:
    """The program under one condition that holds where it is right and fails where it is not."""
    fires = program.fires(examples["before"])
    right = fires & program.run(examples["before"]).eq_missing(examples["after"])
    good = examples.filter(right)["before"].drop_nulls()
    bad = examples.filter(fires & ~right)["before"].drop_nulls()
    if not len(good) or not len(bad):
        return
    lengths = good.str.len_chars(), bad.str.len_chars()
    if lengths[0].min() > lengths[1].max():  # type: ignore[operator]
        yield Program(program.operation, program.parameters, ("is longer than", lengths[1].max()))
    if lengths[0].max() < lengths[1].min():  # type: ignore[operator]
        yield Program(program.operation, program.parameters, ("is at most as long as", lengths[0].max()))
    numbers = good.cast(pl.Float64, strict=False), bad.cast(pl.Float64, strict=False)
    if not numbers[0].has_nulls() and not numbers[1].has_nulls():
        if numbers[0].min() > numbers[1].max():  # type: ignore[operator]
            yield Program(program.operation, program.parameters, ("is above", numbers[1].max()))
        if numbers[0].max() < numbers[1].min():  # type: ignore[operator]
            yield Program(program.operation, program.parameters, ("is at most", numbers[0].max()))
    for name, part in _parts(good):
        candidate = Program(program.operation, program.parameters, (name, part))
        if not candidate.fires(bad).any():
            yield candidate
            return
    for sign in "., -/:()'&":
        if not good.str.contains(sign, literal=True).any() and bad.str.contains(sign, literal=True).all():
            yield Program(program.operation, program.parameters, ("lacks", sign))


def _parts(good: pl.Series) -> Iterator[tuple[str, str]]:
    """What all good texts begin with, end with, contain."""
    texts = good.to_list()
    start = _common(texts)
    end = _common([text[::-1] for text in texts])[::-1]
    shortest = min(map(len, texts))
    if 0 < len(end) < shortest:  # the whole text would be a constant in disguise
        yield "ends with", end
    if 0 < len(start) < shortest:
        yield "starts with", start
    for sign in sorted({c for c in texts[0] if not c.isalnum()}):
        if all(sign in text for text in texts):
            yield "contains", sign


def _common(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:n]


def candidates(before: str | None, after: str | None) -> Iterator[Program]:
    """Programs that make `after` of `before`; simple ones first is not promised."""
    yield Program("set", {"from": before, "to": after})
    if before is None or after is None or before == after:
        return
    for program in _guesses(before, after):
        if program.run(pl.Series([before], dtype=pl.String))[0] == after:
            yield program


def _guesses(before: str, after: str) -> Iterator[Program]:
    yield Program("blanks")
    for case in ("lower", "upper", "title"):
        yield Program("case", {"to": case})
    if before.endswith(after) and after:
        yield Program("strip", {"at": "start", "text": before[: len(before) - len(after)]})
    if before.startswith(after) and after:
        yield Program("strip", {"at": "end", "text": before[len(after) :]})
    if after.endswith(before):
        yield Program("add", {"at": "start", "text": after[: len(after) - len(before)]})
    if after.startswith(before):
        yield Program("add", {"at": "end", "text": after[len(before) :]})
    start = len(_common([before, after]))
    rest_before, rest_after = before[start:], after[start:]
    end = len(_common([rest_before[::-1], rest_after[::-1]]))
    gone, come = rest_before[: len(rest_before) - end], rest_after[: len(rest_after) - end]
    if gone and gone != before:  # the whole text would be a constant in disguise
        yield Program("replace", {"at": "any", "text": gone, "by": come})
        if start == 0:
            yield Program("replace", {"at": "start", "text": gone, "by": come})
        if end == 0:
            yield Program("replace", {"at": "end", "text": gone, "by": come})
    # the same with a character of context on either side: an insertion needs one to have a place
    left, right = before[start - 1 : start] if start else "", before[len(before) - end :][:1]
    for near in ((left, ""), ("", right), (left, right)):
        if near[0] + near[1]:
            text, by = near[0] + gone + near[1], near[0] + come + near[1]
            yield Program("replace", {"at": "any", "text": text, "by": by})
    yield from _token_guesses(before, after)
    if before.isdigit() and after.isdigit() and len(after) > len(before):
        yield Program("pad", {"width": len(after)})
    yield Program("number", {"decimals": None})
    _, point, decimals = after.partition(".")
    yield Program("number", {"decimals": len(decimals) if point else 0})
    for source in DATE_FORMATS:
        for target in DATE_FORMATS:
            if source != target and any(c.isdigit() for c in before):
                yield Program("date", {"from": source, "to": target})


def _token_guesses(before: str, after: str) -> Iterator[Program]:
    for by in (", ", " ", "-", "/", "_", ".", ",", ";", "|"):
        parts = before.split(by)
        if not 2 <= len(parts) <= 4 or len(set(parts)) < len(parts):
            continue
        for n in range(1, len(parts) + 1):
            for pick in permutations(range(len(parts)), n):
                for join in (by, " ", ", ", "-", "") if n > 1 else ("",):
                    if join.join(parts[i] for i in pick) == after:
                        yield Program("tokens", {"by": by, "count": len(parts), "pick": list(pick), "join": join})


def _trusted(program: Program, times: int, wrong: pl.DataFrame, values: pl.DataFrame) -> Learned | None:
    """The program with the posterior mean that a cell it changes is right then; None if clean values would change.

    Every labelled cell counts one, every other distinct value that it changes counts `SUPPORT_WEIGHT` where the new
    text is the more frequent one, or the old one was flagged and the new one is of a form that the column has; and
    against it where it has no such form, or where the old one looks clean.
    """
    fires = program.fires(values["value"])
    changed = values.filter(fires).with_columns(new=program.run(values["value"]).filter(fires))
    if not len(changed):
        return None
    counts = values.select(new="value", n_new="n")
    judged = changed.join(counts, on="new", how="left", nulls_equal=True, maintain_order="left")
    known = pl.col("value").is_in(wrong["before"].implode(), nulls_equal=True)
    n_new = pl.col("n_new").fill_null(0)
    flagged = 2 * pl.col("flagged") >= pl.col("n")
    usual = pl.concat([values.filter(~flagged & ~known)["value"], wrong["after"]]).drop_nulls()
    forms = usual.to_frame("text").select(_form(pl.col("text"))).to_series().unique()
    fits = (pl.col("new").is_null() | _form(pl.col("new")).is_in(forms.implode())) & flagged
    judged = judged.with_columns(
        good=~known & (fits | (n_new > pl.col("n"))),
        clean=~known & ~flagged & (n_new <= pl.col("n")) & (pl.col("n") >= COMMON),
    )
    good, clean = int(judged["good"].sum()), int(judged["clean"].sum())
    if clean > CLEAN_LOOKING * len(judged):
        return None
    share = int(judged["n"].sum()) / max(int(values["n"].sum()), 1)
    strange = judged.filter(~known & ~fits.fill_null(False) & pl.col("n_new").is_null())
    nonsense = int(strange.select(flagged.sum()).item())
    against = clean + min(STRANGE_WEIGHT * (len(strange) - nonsense), STRANGE_CAP)
    against += SUPPORT_WEIGHT * min(nonsense, SUPPORT_CAP)
    if program.operation == "set":
        value = judged.row(0, named=True)
        frequent = value["n"] >= max(COMMON, (value["n_new"] or 0)) and 2 * value["flagged"] < value["n"]
        if value["value"] is None or frequent or not _alike(value["value"], value["new"]):
            against += 1.0  # one example of a constant says little where other cells may well differ
    elif share > HABIT and 2 * int(judged["flagged"].sum()) < int(judged["n"].sum()):
        against += 1.0
    support = SUPPORT_WEIGHT * min(good, SUPPORT_CAP)
    confidence = (1 + times + support) / (PRIOR + times + support + against)
    asks = not good and times < COMMON and _is_legal(judged.filter(known))
    return Learned(program, times, confidence, asks)


def _form(text: pl.Expr) -> pl.Expr:
    """Words, numbers and the signs between them: "A-12.5 kg" and "b-7 lb" are of one form."""
    worded = text.str.replace_all(r"\p{L}+", "a").str.replace_all(r"\d+(?:[.,]\d+)*", "9")
    return worded.str.replace_all(r"a(?:\s+a)+", "a")


def _is_legal(corrected: pl.DataFrame) -> bool:
    """Whether the corrected cells had one value that enough others have, too, which look right; empty cells always."""
    if len(corrected) != 1:
        return False
    value = corrected.row(0, named=True)
    if value["n"] < COMMON:
        return False
    slip = (value["n_new"] or 0) > value["n"] and _alike(value["value"], value["new"])
    return value["value"] is None or not (2 * value["flagged"] >= value["n"] or slip)


def _alike(old: str | None, new: str | None) -> bool:
    from rapidfuzz.distance import OSA

    return old is not None and new is not None and OSA.normalized_similarity(old, new) >= 0.6
