"""What a column's values are, by consensus of its cells: plain numbers, numbers with a unit, digit codes, or text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.numbers import decimals, loose_numbers, plain_numbers
from kintsu.profile.values.surface import clean_of
from kintsu.profile.values.units import leading_unit_of, unit_of
from kintsu.profile.values.view import ColumnView

__all__ = ["LONGEST_TOKEN", "Nature", "nature_of", "parsed_like"]

LONGEST_TOKEN = 24  # bytes of a word for a missing value
_ODD = 5_000  # values of a column of numbers that say what usually stands around its numbers


@dataclass(frozen=True)
class Nature:
    """Values of a column beside what they read as, and what most of them are.

    `kind` is "number" (most cells are plain numbers), "quantity" (nearly all are numbers with text around them),
    "code" (digits of one width, leading zeros kept) or "text".
    `parsed` has `value`, `n`, `token` (a null token), `plain` Float64, `number` Float64 (loose reading, null where
    plain), `prefix`, `suffix` and `body`.
    """

    view: ColumnView
    kind: str
    parsed: pl.DataFrame
    plain_share: float
    width: int = 0

    @cached_property
    def fences(self) -> tuple[float, float]:
        """Range in which a plain number of this column is no surprise: the 1 % to 99 % range, widened by half."""
        plain = self.parsed.filter(pl.col("plain").is_not_null()).sort("plain")
        if not len(plain):
            return (float("-inf"), float("inf"))
        rank = plain["n"].cum_sum() / plain["n"].sum()
        low = float(plain["plain"][int(rank.search_sorted(0.01))])
        high = float(plain["plain"][min(int(rank.search_sorted(0.99)), len(plain) - 1)])
        slack = (high - low) / 2
        return (low - slack, high + slack)

    @cached_property
    def odd(self) -> pl.DataFrame:
        """The lines of `parsed` that are neither plain numbers nor tokens; of very many some, evenly."""
        odd = self.parsed.filter(pl.col("plain").is_null() & ~pl.col("token"))
        return odd.gather_every(-(-len(odd) // _ODD)) if len(odd) > _ODD else odd

    @cached_property
    def token_share(self) -> float:
        """Share of filled cells that hold a null token, in [0, 1]."""
        tokens = self.parsed.filter("token")
        return float((tokens["n"] / max(self.view.filled, 1)).sum()) if len(tokens) else 0.0

    @cached_property
    def repeated(self) -> pl.Series:
        """The values of three cells and more."""
        return self.parsed.filter(pl.col("n") >= 3)["value"]

    @cached_property
    def ends(self) -> tuple[float | None, float | None]:
        """The least and the largest plain number."""
        return self.parsed["plain"].min(), self.parsed["plain"].max()  # type: ignore[return-value]

    @cached_property
    def _plain(self) -> pl.DataFrame:
        return self.parsed.filter(pl.col("plain").is_not_null())

    @cached_property
    def places(self) -> int | None:
        """Decimals that nine of ten plain numbers of the column are printed with; None where they vary.

        Numbers printed as short as possible have one width in nine of ten cells too, but never a zero at the end.
        """
        if not len(self._plain):
            return None
        plain = self._plain.select("n", "value", d=decimals(self._plain["value"]))
        votes = plain.group_by("d").agg(pl.col("n").sum()).sort("n", "d")
        places = int(votes["d"][-1])
        if votes["n"][-1] < 0.9 * int(votes["n"].sum()):
            return None
        padded = plain.filter((pl.col("d") == places) & pl.col("value").str.ends_with("0"))
        return places if places == 0 or len(padded) else None

    @cached_property
    def is_padded(self) -> bool:
        """Whether decimals of the column end in zeros as often as other digits do."""
        value = pl.col("value")
        plain = self._plain.filter(value.str.contains(r"\.\d+$"))
        return int(plain.filter(value.str.ends_with("0"))["n"].sum()) >= 0.05 * max(int(plain["n"].sum()), 1)

    @cached_property
    def has_points(self) -> bool:
        """Whether the column writes whole numbers with one zero after a point: hardly any of its numbers has none."""
        value, plain = pl.col("value"), self._plain
        held = max(int(plain["n"].sum()), 1)
        dotted = int(plain.filter(value.str.contains(r"\.\d+$"))["n"].sum())
        return dotted >= 0.95 * held and int(plain.filter(value.str.contains(r"\d\.0$"))["n"].sum()) >= 0.005 * held

    @cached_property
    def usual_width(self) -> int:
        """Number of digits that nine of ten plain integers of the column have, if three or more; else 0."""
        plain = self.parsed.filter(pl.col("value").str.contains(r"^\d{3,}$"))
        if int(plain["n"].sum()) < 0.9 * self.view.filled:
            return 0
        widths = plain.group_by(pl.col("value").str.len_chars().alias("w")).agg(pl.col("n").sum()).sort("n", "w")
        return int(widths["w"][-1]) if widths["n"][-1] >= 0.9 * int(widths["n"].sum()) else 0

    @property
    def is_numeric(self) -> bool:
        return self.kind in ("number", "quantity")


def nature_of(reference: Reference, name: str) -> Nature:
    """The nature of one column, remembered."""
    nature: Nature = remembered(reference, ("nature", name), lambda: _nature(clean_of(reference, name)))
    return nature


def parsed_like(nature: Nature, values: pl.DataFrame) -> pl.DataFrame:
    """`Nature.parsed` of other values of the same column, such as those of a later batch."""
    marked = _plain_or_token(values)
    if not nature.is_numeric:
        absent = {"number": pl.Float64, "prefix": pl.String, "suffix": pl.String, "body": pl.String}
        return marked.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items())
    odd = marked.filter(~pl.col("token") & pl.col("plain").is_null())
    loose = pl.concat([odd.select("value"), loose_numbers(odd["value"])], how="horizontal")
    return marked.join(loose, on="value", how="left", maintain_order="left")


def _plain_or_token(distinct: pl.DataFrame) -> pl.DataFrame:
    """The values with `token` and `plain`; no token begins with a digit or is long: the cheap test first."""
    short = distinct.filter(
        (pl.col("value").str.len_bytes() <= LONGEST_TOKEN) & ~pl.col("value").str.contains(r"^[+-]?\d")
    )
    tokens = short.filter(is_null_token(pl.col("value")))["value"]
    plain = plain_numbers(distinct["value"])
    if not len(tokens):
        return distinct.with_columns(token=pl.lit(False), plain=plain)
    values = distinct.with_columns(token=pl.col("value").is_in(tokens.implode()), plain=plain)
    return values.with_columns(plain=pl.when(pl.col("token")).then(None).otherwise("plain"))


def _nature(view: ColumnView) -> Nature:
    values = _plain_or_token(view.values)
    speaking = values.filter(~pl.col("token"))
    total = max(int(speaking["n"].sum()), 1)
    plain_share = float(speaking.filter(pl.col("plain").is_not_null())["n"].sum()) / total
    odd = speaking.filter(pl.col("plain").is_null())
    # a column of words needs no second reading; text is judged by a probe
    probe = odd if plain_share > 0.3 or len(odd) <= 5000 else odd.gather_every(-(-len(odd) // 5000))
    read = loose_numbers(probe["value"])
    loose = pl.concat([probe.select("value", "n"), read], how="horizontal")
    # zeros in front make a code ("C-0000017"), whatever unit the letters may spell
    padded = pl.col("body").str.contains(r"^[+-]?0\d").fill_null(False)
    good = _with_known_affix(loose.filter(pl.col("number").is_not_null() & ~padded))
    loose_share = (1 - plain_share) * float(good["n"].sum()) / max(int(probe["n"].sum()), 1) if len(odd) else 0.0
    parsed = values.join(loose.drop("n"), on="value", how="left", maintain_order="left")
    width = _code_width(speaking, total)
    if width:
        kind = "code"
    elif plain_share >= 0.5 and plain_share + loose_share >= 0.8:
        kind = "number"
    elif plain_share + loose_share >= 0.9 and len(good):
        kind = "quantity"
    else:
        kind = "text"
    return Nature(view, kind, parsed, plain_share, width)


def _with_known_affix(loose: pl.DataFrame) -> pl.DataFrame:
    """Numbers with a unit or a currency around them, or with nothing (separators only)."""
    if not len(loose):
        return loose
    before = {affix for affix in loose["prefix"].drop_nulls().unique() if affix == "" or leading_unit_of(affix)}
    after = {affix for affix in loose["suffix"].drop_nulls().unique() if affix == "" or unit_of(affix)}
    return loose.filter(pl.col("prefix").is_in(before) & pl.col("suffix").is_in(after))


def _code_width(speaking: pl.DataFrame, total: int) -> int:
    """Width of the digits when nearly all cells are digits of one width, some with leading zeros; else 0."""
    digits = speaking.filter(pl.col("value").str.contains(r"^\d{2,18}$"))
    if float(digits["n"].sum()) < 0.9 * total or not len(digits):
        return 0
    widths = digits.group_by(pl.col("value").str.len_chars().alias("w")).agg(pl.col("n").sum()).sort("n")
    width, count = int(widths["w"][-1]), int(widths["n"][-1])
    zeros = digits.filter(pl.col("value").str.starts_with("0") & (pl.col("value").str.len_chars() == width))
    return width if count >= 0.9 * total and width >= 3 and len(zeros) >= 2 else 0
