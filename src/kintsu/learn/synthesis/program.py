"""A program: one operation on a text, under at most one condition; data, so that it can be kept and replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from kintsu.profile.dates import written

__all__ = ["CONDITIONS", "DATE_FORMATS", "OPERATIONS", "Program"]

Expr = pl.Expr

# ISO first, then the usual orders of Europe and America; two digits of year are left out: their century is a guess
DATE_FORMATS: Final = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
_NUMBER: Final = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)"
"""The first plain number in a text, thousands separated by commas or not."""


def _set(text: Expr, p: Mapping[str, Any]) -> Expr:
    return pl.when(text.eq_missing(pl.lit(p["from"], pl.String))).then(pl.lit(p["to"], pl.String))


def _strip(text: Expr, p: Mapping[str, Any]) -> Expr:
    what = p["text"]
    if p["at"] == "start":
        return pl.when(text.str.starts_with(what)).then(text.str.strip_prefix(what))
    return pl.when(text.str.ends_with(what)).then(text.str.strip_suffix(what))


def _add(text: Expr, p: Mapping[str, Any]) -> Expr:
    what = pl.lit(p["text"])
    if p["at"] == "start":
        return pl.when(~text.str.starts_with(p["text"])).then(what + text)
    return pl.when(~text.str.ends_with(p["text"])).then(text + what)


def _replace(text: Expr, p: Mapping[str, Any]) -> Expr:
    what, by = p["text"], p["by"]
    if p["at"] == "start":
        return pl.when(text.str.starts_with(what)).then(pl.lit(by) + text.str.strip_prefix(what))
    if p["at"] == "end":
        return pl.when(text.str.ends_with(what)).then(text.str.strip_suffix(what) + pl.lit(by))
    hit = text.str.contains(what, literal=True)
    return pl.when(hit).then(text.str.replace_all(what, by, literal=True))


def _case(text: Expr, p: Mapping[str, Any]) -> Expr:
    to = {"lower": text.str.to_lowercase(), "upper": text.str.to_uppercase(), "title": text.str.to_titlecase()}
    return to[p["to"]]


def _blanks(text: Expr, p: Mapping[str, Any]) -> Expr:
    return text.str.strip_chars().str.replace_all(r"\s+", " ")


def _tokens(text: Expr, p: Mapping[str, Any]) -> Expr:
    parts = text.str.split(p["by"])
    picked = [parts.list.get(i, null_on_oob=True) for i in p["pick"]]
    return pl.when(parts.list.len() == p["count"]).then(pl.concat_str(picked, separator=p["join"]))


def _pad(text: Expr, p: Mapping[str, Any]) -> Expr:
    short = text.str.contains(r"^\d+$") & (text.str.len_chars() < p["width"])
    return pl.when(short).then(text.str.zfill(p["width"]))


def _number(text: Expr, p: Mapping[str, Any]) -> Expr:
    """The number in the text: alone, or printed with so many decimals."""
    one = text.str.count_matches(_NUMBER) == 1
    digits = text.str.extract(f"({_NUMBER})").str.replace_all(",", "", literal=True)
    if p["decimals"] is None:
        return pl.when(one).then(digits)
    value = digits.cast(pl.Float64, strict=False)
    if p["decimals"] == 0:
        return pl.when(one).then(value.round(0).cast(pl.Int64, strict=False).cast(pl.String))
    whole = (value.abs() * 10 ** p["decimals"]).round(0).cast(pl.Int64, strict=False).cast(pl.String)
    padded = whole.str.zfill(p["decimals"] + 1)
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    shown = pl.concat_str([sign, padded.str.head(-p["decimals"]), pl.lit("."), padded.str.tail(p["decimals"])])
    return pl.when(one).then(shown)


def _date(text: Expr, p: Mapping[str, Any]) -> Expr:
    return text.str.to_date(p["from"], strict=False, exact=True).dt.to_string(p["to"])


OPERATIONS: Final[Mapping[str, Callable[[Expr, Mapping[str, Any]], Expr]]] = {
    "set": _set, "strip": _strip, "add": _add, "replace": _replace, "case": _case, "blanks": _blanks,
    "tokens": _tokens, "pad": _pad, "number": _number, "date": _date,
}  # fmt: skip
"""Name -> (text, parameters) -> the new text; null where the operation does not apply."""

CONDITIONS: Final[Mapping[str, Callable[[Expr, Any], Expr]]] = {
    "starts with": lambda text, value: text.str.starts_with(value),
    "ends with": lambda text, value: text.str.ends_with(value),
    "contains": lambda text, value: text.str.contains(value, literal=True),
    "lacks": lambda text, value: ~text.str.contains(value, literal=True),
    "is longer than": lambda text, value: text.str.len_chars() > value,
    "is at most as long as": lambda text, value: text.str.len_chars() <= value,
    "is above": lambda text, value: text.cast(pl.Float64, strict=False) > value,
    "is at most": lambda text, value: text.cast(pl.Float64, strict=False) <= value,
}
"""Name -> (text, threshold) -> whether it holds."""


@dataclass(frozen=True)
class Program:
    """`operation` with its parameters, applied where `condition` (name, threshold) holds; None: wherever it applies."""

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    condition: tuple[str, Any] | None = None

    def run(self, texts: pl.Series) -> pl.Series:
        """The new text of each text; null where the program changes nothing. Only "set" to null makes null of a text.

        >>> Program("strip", {"at": "end", "text": " oz"}).run(pl.Series(["12 oz", "12", None])).to_list()
        ['12', None, None]
        """
        text = pl.col("text")
        frame = pl.DataFrame({"text": texts.cast(pl.String)})
        new = OPERATIONS[self.operation](text, self.parameters)
        if self.condition is not None:
            new = pl.when(CONDITIONS[self.condition[0]](text, self.condition[1])).then(new)
        return frame.select(new=pl.when(~new.eq_missing(text)).then(new))["new"]

    def fires(self, texts: pl.Series) -> pl.Series:
        """Where the program changes the text."""
        if self.operation == "set":
            return texts.eq_missing(pl.Series([self.parameters["from"]], dtype=pl.String))
        return self.run(texts).is_not_null()

    @property
    def cost(self) -> int:
        """How much there is to say: simpler programs are tried first."""
        length = sum(len(str(value)) for value in self.parameters.values())
        order = list(OPERATIONS).index(self.operation)
        # a constant says least about other cells, so anything that explains the same pairs comes first
        return length + order + (40 if self.operation == "set" else 0) + (10 if self.condition else 0)

    @property
    def text(self) -> str:
        """What it does, for a person."""
        p = self.parameters
        told = ""
        match self.operation:
            case "set":
                told = f"write {_shown(p['to'])} in place of {_shown(p['from'])}"
            case "strip":
                told = f"take {p['text']!r} away from the {'beginning' if p['at'] == 'start' else 'end'}"
            case "add":
                told = f"put {p['text']!r} {'before' if p['at'] == 'start' else 'behind'}"
            case "replace":
                told = f"write {p['by']!r} in place of {p['text']!r}{_place(p['at'])}"
            case "case":
                told = f"write in {p['to']} case"
            case "blanks":
                told = "take away needless blanks"
            case "tokens":
                told = f"of {p['count']} parts between {p['by']!r} write {_order(p['pick'])}"
            case "pad":
                told = f"fill up with zeros to {p['width']} digits"
            case "number":
                told = "write the number alone" + _decimals(p["decimals"])
            case "date":
                told = f"write dates as {written(p['to'])} in place of {written(p['from'])}"
        where = f" where the text {self.condition[0]} {self.condition[1]!r}" if self.condition else ""
        return told + where

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for YAML or JSON."""
        return {
            "operation": self.operation,
            "parameters": dict(self.parameters),
            "condition": list(self.condition) if self.condition else None,
        }

    @staticmethod
    def of(values: Mapping[str, Any]) -> Program:
        """The program that `to_dict` wrote."""
        condition = values.get("condition")
        return Program(
            values["operation"], dict(values["parameters"]), (condition[0], condition[1]) if condition else None
        )


def _shown(value: str | None) -> str:
    return "nothing" if value is None else repr(value)


def _place(at: str) -> str:
    return {"start": " at the beginning", "end": " at the end"}.get(at, "")


def _order(pick: list[int]) -> str:
    return "number " + ", ".join(str(i + 1) for i in pick)


def _decimals(decimals: int | None) -> str:
    return "" if decimals is None else f" with {decimals} decimals"
