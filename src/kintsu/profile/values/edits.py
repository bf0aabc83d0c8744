"""Noise operations: edits that damaged many values of a column in one way, mined from the values themselves.

A value is paired with another value of its column, or with the value of a sibling column in the same row, that it
would be without the edit. An operation is kept when several distinct values support it and legal values do not
explain it: its clean twins are the more frequent ones, nearly every value that carries its mark has a twin, and it
hits its twins at one rate. See Rahm and Do, "Data cleaning: problems and current approaches", IEEE Data Eng. Bull.
2000, for the kinds of errors; the mining is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.profile.values.view import cuts

__all__ = ["Affix", "affix_pairs", "block_edits", "mine_affixes", "mine_odd_ends", "strip_affix"]

_LONGEST: Final = 8  # characters of an affix that are tried


_STRANGE: Final = r"*_~^|§¤¬\\`{}"  # marks without a usual meaning at the end of a word, for a character class
_ORDINARY: Final = ".,;:!?)('\"-–/&%+’"  # marks that names and phrases of any table begin or end with


@dataclass(frozen=True)
class Affix:
    """A mark added to the beginning or the end of values.

    `twins` counts distinct clean values that occur beside their damaged form, `marked` distinct values that carry the
    mark, `rate` the share of damaged among the cells of the twins, `strange` whether clean values never hold the mark's
    characters at that end.
    """

    text: str
    at_end: bool
    twins: int
    marked: int
    cells: int
    rate: float
    strange: bool
    even: bool

    @property
    def place(self) -> str:
        return "end" if self.at_end else "beginning"


def affix_pairs(values: pl.DataFrame) -> pl.DataFrame:
    """All (damaged, clean) pairs of a column's values where one is the other with 1 to 8 characters added at an end.

    Columns: `value`, `n` (damaged), `twin`, `m` (clean), `affix`, `at_end`.
    """
    made = cuts(values, _LONGEST).rename({"rest": "twin", "cut": "affix"})
    pairs = made.join(values.select(twin="value", m="n"), on="twin", how="inner")
    return pairs.select("value", "n", "twin", "m", "affix", "at_end").sort("value", "affix", "at_end")


def mine_affixes(values: pl.DataFrame, siblings: pl.DataFrame | None = None) -> list[Affix]:
    """Affixes that noise added, surest first.

    `values` has `value` and `n`. `siblings` has the same columns as `affix_pairs` makes, from other columns.
    """
    pairs = affix_pairs(values)
    if siblings is not None and len(siblings):
        pairs = pl.concat([pairs, siblings.select(pairs.columns)]).unique(subset=["value", "affix", "at_end"])
    if not len(pairs):
        return []
    grouped = (
        pairs.group_by("affix", "at_end")
        .agg(
            pl.col("twin").n_unique().alias("twins"),
            pl.col("n").sum().alias("damaged"),
            pl.col("m").sum().alias("clean"),
            pl.col("n").alias("ns"),
            pl.col("m").alias("ms"),
        )
        .filter(pl.col("twins") >= 2)
        .sort("affix", "at_end")
    )
    found = []
    total = int(values["n"].sum())
    usual = set(values.filter(pl.col("n") >= 0.01 * total)["value"].to_list())
    for affix, at_end, twins, damaged, clean, ns, ms in grouped.iter_rows():
        if affix.strip(" ,;/|-") in usual:  # a value of the column before or after another one: glued, not noise
            continue
        odd = [c for c in affix if not (c.isalnum() or c.isspace() or c in _ORDINARY)]
        rate = damaged / max(damaged + clean, 1)
        if rate >= 0.8 or (not odd and (twins < 3 or affix.isspace() or any(c.isdigit() for c in affix))):
            continue  # no noise in any case, see `_is_noise`
        v = pl.col("value")
        carries = v.str.ends_with(affix) if at_end else v.str.starts_with(affix)
        marked, rest = values.filter(carries), values.filter(~carries)
        cells = int(marked["n"].sum())
        # a mark like "_x" is strange only where "_" stands nowhere else in the column
        strange = bool(odd) and float(rest.filter(v.str.contains_any(odd))["n"].sum()) < 0.01 * total
        found.append(Affix(affix, at_end, int(twins), len(marked), cells, rate, strange, _is_even(ns, ms)))
    return _minimal([affix for affix in found if _is_noise(affix, len(values), total)])


def mine_odd_ends(values: pl.DataFrame) -> list[Affix]:
    """Strange marks at one end of at least 10 distinct values that stand nowhere else in the column, without twins.

    For columns in which hardly any value comes twice. Marks that have a meaning before or after words or numbers
    (# @ $ + < > =) do not count.
    """
    v = pl.col("value")
    total = int(values["n"].sum())
    found = []
    for at_end in (True, False):
        regex = (
            rf"([{_STRANGE}][^{_STRANGE}\s]{{0,2}}|[{_STRANGE}]+)$"
            if at_end
            else rf"^([{_STRANGE}]+|[^{_STRANGE}\s]{{0,2}}[{_STRANGE}])"
        )
        ends = values.with_columns(affix=v.str.extract(regex, 1)).drop_nulls("affix")
        counted = ends.group_by("affix").agg(pl.len().alias("d"), pl.col("n").sum()).filter(pl.col("d") >= 10)
        for affix, d, n in counted.sort("affix").iter_rows():
            carries = v.str.ends_with(affix) if at_end else v.str.starts_with(affix)
            odd = [c for c in affix if not c.isalnum()]
            elsewhere = int(values.filter(~carries & v.str.contains_any(odd))["n"].sum())
            if n <= 0.4 * total and elsewhere <= 0.05 * n:
                found.append(Affix(affix, at_end, 0, int(d), int(n), n / total, strange=True, even=True))
    return found


def _is_even(damaged: list[int], clean: list[int]) -> bool:
    """Whether all twins are damaged at one rate, as noise does and grammar does not (chi-square at 0.1 %)."""
    n, c = sum(damaged), sum(clean)
    if not n or not c:
        return True
    rate = n / (n + c)
    chi = sum((d - rate * (d + k)) ** 2 / ((d + k) * rate * (1 - rate)) for d, k in zip(damaged, clean))
    df = max(len(damaged) - 1, 1)
    # Wilson-Hilferty: the cube root of a chi-square is nearly normal
    z = ((chi / df) ** (1 / 3) - (1 - 2 / (9 * df))) / (2 / (9 * df)) ** 0.5
    return bool(z < 3.1)


def _is_noise(affix: Affix, distinct: int, total: int) -> bool:
    """Whether chance and grammar fail to explain the affix."""
    covered = affix.twins / max(affix.marked, 1)
    if affix.strange:
        return affix.twins >= 2 and affix.rate < 0.8
    if all(c in _ORDINARY for c in affix.text):  # a full stop or bracket is noise only where nearly all have a twin
        return affix.twins >= 3 and covered >= 0.8 and affix.rate < 0.5
    if affix.text.isspace() or any(c.isdigit() for c in affix.text):
        return False
    # a letter affix of one character is grammar (plurals) unless the whole domain shows it
    share_of_domain = affix.twins / max(distinct - affix.marked, 1)
    long_enough = len(affix.text) >= 2
    if affix.twins >= 3 and covered >= 0.7 and affix.rate < 0.65 and long_enough:
        return share_of_domain >= 0.3 and (affix.even or affix.cells >= 0.1 * total)
    return affix.twins >= 3 and covered >= 0.8 and affix.even and affix.rate < 0.4 and share_of_domain >= 0.5


def _minimal(affixes: list[Affix]) -> list[Affix]:
    """Of affixes that end in each other ("*", "**") those with more twins, then with the more frequent ones."""
    ranked = sorted(affixes, key=lambda a: (-a.twins, a.rate, -len(a.text), a.text))
    kept: list[Affix] = []
    for affix in ranked:
        clash = [
            k for k in kept
            if k.at_end == affix.at_end and (k.text.endswith(affix.text) or affix.text.endswith(k.text)
                                             or k.text.startswith(affix.text) or affix.text.startswith(k.text))
        ]  # fmt: skip
        if not clash:
            kept.append(affix)
    return kept


def strip_affix(text: pl.Expr, affix: Affix) -> pl.Expr:
    """The text without the affix; null where it does not carry it or nothing would be left."""
    carries = text.str.ends_with(affix.text) if affix.at_end else text.str.starts_with(affix.text)
    k = len(affix.text)
    rest = text.str.head(-k) if affix.at_end else text.str.slice(k)
    return pl.when(carries & (text.str.len_chars() > k)).then(rest)


def block_edits(damaged: str, clean: str) -> tuple[tuple[str, str, str], ...]:
    """The edit from clean to damaged as blocks (deleted text, inserted text, place), place-free in the middle.

    >>> block_edits("Lessan50K", "LessThan50K")
    (('Th', '', 'inside'),)
    >>> block_edits("ILxa", "IL")
    (('', 'xa', 'end'),)
    """
    from rapidfuzz.distance import Levenshtein

    out = []
    for op in Levenshtein.opcodes(clean, damaged):
        if op.tag == "equal":
            continue
        start, end = op.src_start == 0, op.src_end == len(clean)
        place = "beginning" if start else "end" if end else "inside"
        out.append((clean[op.src_start : op.src_end], damaged[op.dest_start : op.dest_end], place))
    return tuple(out)
