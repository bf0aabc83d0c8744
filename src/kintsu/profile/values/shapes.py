"""Character patterns found in a column.

A pattern writes every character as its class: "AB-12" is `AA-99` at the finest grain. Coarser grains keep the
length but not the class (`ww-ww`) or the class but not the length (`A+-9+`). A column is *patterned* at the finest
grain at which few patterns cover nearly all its cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.profile.values.view import ColumnView

__all__ = ["CLASSES", "PROBE", "SURE", "Shapes", "exact_pattern", "find_shapes", "pattern_regex", "slots_of"]

PROBE: Final = 20_000  # distinct values that patterns are learned from; a 0.1 % pattern is seen 20 times
_LEGAL: Final = 0.02  # least share of a legal pattern; rarer ones are legal only in columns that are not patterned
SURE: Final = 0.9  # share of cells in few exact patterns from which on others are wrong

_SEMANTIC: Final = {
    "email": r"^[^\s@,;:()<>]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}$",
    "url": r"^(https?|ftp)://[^\s]+$",
    "ip": r"^\d{1,3}(\.\d{1,3}){3}$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}


def exact_pattern(text: pl.Expr) -> pl.Expr:
    """Pattern at the finest grain: A, a and 9 for upper case, other letters and digits; the rest stands for itself."""
    return (
        text.str.replace_all(r"\p{Lu}", "A").str.replace_all(r"[\p{Ll}\p{Lo}\p{Lm}]", "a").str.replace_all(r"\d", "9")
    )


def _alnum_pattern(text: pl.Expr) -> pl.Expr:
    return exact_pattern(text).str.replace_all(r"[Aa9]", "w")


def _run_pattern(text: pl.Expr) -> pl.Expr:
    runs = exact_pattern(text).str.replace_all(r"A+", "A").str.replace_all(r"a+", "a").str.replace_all(r"9+", "9")
    return runs.str.replace_all(r" +", " ")


CLASSES: Final = {"A": r"\p{Lu}", "a": r"[\p{Ll}\p{Lo}\p{Lm}]", "9": r"\d", "w": r"[\p{L}\d]"}


def pattern_regex(pattern: str) -> str:
    """Regular expression (unanchored) of an exact pattern."""
    return _regex(pattern, runs=False)


def _regex(pattern: str, *, runs: bool) -> str:
    """Regular expression (unanchored) of a pattern."""
    parts = [CLASSES[c] + ("+" if runs else "") if c in CLASSES else re.escape(c) for c in pattern]
    return "".join(parts)


@dataclass(frozen=True)
class Shapes:
    """The legal patterns of a patterned column.

    `grain` is "exact", "alnum", "runs" or a semantic name; `regex` matches legal values whole; `constants` is the one
    dominant exact pattern with literal characters where all values agree, else "".
    """

    grain: str
    patterns: tuple[str, ...]
    regex: str
    cover: float
    constants: str

    def accepts(self, text: pl.Expr) -> pl.Expr:
        return text.str.contains(self.regex)


def find_shapes(view: ColumnView) -> Shapes | None:
    """The patterns of a column, or None where it has none (words, free text, few distinct values)."""
    probe = view.probe(PROBE)
    total = int(probe["n"].sum())
    if len(probe) < 5 or total < 20:
        return None
    held = probe.select(
        *(
            pl.col("n").filter(pl.col("value").str.contains(regex)).sum().alias(name)
            for name, regex in _SEMANTIC.items()
        ),
        length=pl.col("value").str.len_chars().median(),
    ).row(0, named=True)
    for name, regex in _SEMANTIC.items():
        if held[name] / total >= 0.9:
            return Shapes(name, (), regex, held[name] / total, "")
    if float(held["length"] or 0) > 60:
        return None
    grains: list[tuple[str, Callable[[pl.Expr], pl.Expr], float]] = [
        ("exact", exact_pattern, SURE),
        ("alnum", _alnum_pattern, 0.97),
        ("runs", _run_pattern, 0.95),
    ]
    for grain, expression, least in grains:
        counted = (
            probe.group_by(p=expression(pl.col("value")))
            .agg(pl.col("n").sum(), pl.len().alias("d"))
            .sort(["n", "p"], descending=[True, False])
        )
        legal = counted.filter((pl.col("n") >= _LEGAL * total) & (pl.col("d") >= 3)).head(6)
        cover = float(legal["n"].sum()) / total
        if cover >= least and len(legal) and _is_code(legal["p"].to_list(), grain) and legal["d"].max() >= 5:  # type: ignore[operator]
            patterns = tuple(legal["p"].to_list())
            anchored = "^(?:" + "|".join(_regex(p, runs=grain == "runs") for p in patterns) + ")$"
            single = patterns[0] if grain == "exact" and legal["n"][0] >= 0.85 * total else ""
            constants = _constants(probe, single) if single else ""
            return Shapes(grain, patterns, anchored, cover, constants)
        if grain == "exact" and len(legal) and _is_damaged_code(legal, total):
            top = str(legal["p"][0])
            share = float(legal["n"][0]) / total
            return Shapes(grain, (top,), f"^{pattern_regex(top)}$", share, _constants(probe, top))
    return None


def _is_damaged_code(legal: pl.DataFrame, total: int) -> bool:
    """Whether one code of a fixed form stands out so far that all other forms are damage to it, much as there is."""
    top, n, d = legal.row(0)
    rival = int(legal["n"][1]) if len(legal) > 1 else 0
    return "9" in top and len(top) >= 4 and n >= 0.5 * total and d >= 20 and rival <= 0.25 * n


def _is_code(patterns: list[str], grain: str) -> bool:
    """Whether patterns tell codes from words: digits or marks in them, or letters of one fixed short width."""
    if grain == "exact":
        letters_only = [p for p in patterns if re.fullmatch(r"[Aa ]+", p)]
        # words of up to six lengths are no code, one width is ("NY", "EUR")
        return not letters_only or (len(patterns) == 1 and len(patterns[0]) <= 4)
    if grain == "alnum":
        return (len(patterns) == 1 and not re.fullmatch(r"[w ]+", patterns[0])) or (
            len(patterns) == 1 and len(patterns[0]) >= 8 and " " not in patterns[0]
        )
    return len(patterns) == 1 and bool(re.search(r"[^Aa ]", patterns[0]))


def _constants(probe: pl.DataFrame, pattern: str) -> str:
    """The pattern with a literal where at least 99 % of its cells agree on a letter or digit, escaped by NULs."""
    mine = probe.filter(exact_pattern(pl.col("value")) == pattern)
    total = int(mine["n"].sum())
    out = []
    for i, c in enumerate(pattern):
        if c not in CLASSES:
            out.append(c)
            continue
        at = mine.group_by(pl.col("value").str.slice(i, 1).alias("c")).agg(pl.col("n").sum()).sort("n")
        out.append("\0" + str(at["c"][-1]) if len(mine) >= 20 and at["n"][-1] >= 0.99 * total else c)
    return "".join(out)


def slots_of(constants: str) -> list[tuple[bool, str]]:
    """(is a literal, character or class) of each place of a template."""
    out: list[tuple[bool, str]] = []
    i = 0
    while i < len(constants):
        if constants[i] == "\0":
            out.append((True, constants[i + 1]))
            i += 2
        else:
            out.append((constants[i] not in CLASSES, constants[i]))
            i += 1
    return out
