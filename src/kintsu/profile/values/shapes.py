"""Character patterns found in a column, and the judgement of values outside them.

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

from kintsu.core.phrase import phrase, quoted
from kintsu.profile.dates import DateFormat, parse
from kintsu.profile.values.moments import column_format
from kintsu.profile.values.view import NOTHING, ColumnView, judged

__all__ = ["ShapeHabits", "Shapes", "exact_pattern", "find_shapes", "habits_of", "judge_shapes", "pattern_regex"]

_PROBE: Final = 20_000  # distinct values that patterns are learned from; a 0.1 % pattern is seen 20 times
_LEGAL: Final = 0.02  # least share of a legal pattern; rarer ones are legal only in columns that are not patterned
_SURE: Final = 0.9  # share of cells in few exact patterns from which on others are wrong
_TAIL: Final = 0.03  # most cells outside the legal patterns for values without a repair to be findings
_WIDEST: Final = 60  # characters of the longest form in which a character too many is looked for
_MENDED: Final = {"value": pl.String, "new": pl.String, "sure": pl.Float64, "operation": pl.String, "says": pl.String}
_LACKING: Final = 0.9  # sureness of a value whose beginning, the same in all others, is lost

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


_CLASS: Final = {"A": r"\p{Lu}", "a": r"[\p{Ll}\p{Lo}\p{Lm}]", "9": r"\d", "w": r"[\p{L}\d]"}


def pattern_regex(pattern: str) -> str:
    """Regular expression (unanchored) of an exact pattern."""
    return _regex(pattern, runs=False)


def _regex(pattern: str, *, runs: bool) -> str:
    """Regular expression (unanchored) of a pattern."""
    parts = [_CLASS[c] + ("+" if runs else "") if c in _CLASS else re.escape(c) for c in pattern]
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
    probe = view.probe(_PROBE)
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
        ("exact", exact_pattern, _SURE),
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
        if c not in _CLASS:
            out.append(c)
            continue
        at = mine.group_by(pl.col("value").str.slice(i, 1).alias("c")).agg(pl.col("n").sum()).sort("n")
        out.append("\0" + str(at["c"][-1]) if len(mine) >= 20 and at["n"][-1] >= 0.99 * total else c)
    return "".join(out)


def _slots(constants: str) -> list[tuple[bool, str]]:
    """(is a literal, character or class) of each place of a template."""
    out: list[tuple[bool, str]] = []
    i = 0
    while i < len(constants):
        if constants[i] == "\0":
            out.append((True, constants[i + 1]))
            i += 2
        else:
            out.append((constants[i] not in _CLASS, constants[i]))
            i += 1
    return out


@dataclass(frozen=True)
class ShapeHabits:
    """What the values of a patterned column say about others.

    `tail`: share of cells outside the legal patterns without a repair. `doubled`: how sure it is that of several
    characters that may go the doubled one was typed too often. `usual`: the format, where they are dates.
    """

    tail: float
    doubled: float
    is_padded: bool
    usual: DateFormat | None


def habits_of(view: ColumnView, shapes: Shapes) -> ShapeHabits:
    """The habits that the values of a column show."""
    usual, padded = column_format(view), _is_padded(view, shapes)
    odd = view.values.filter(~shapes.accepts(pl.col("value"))).head(50_000)
    if not len(odd):
        return ShapeHabits(0.0, _sure_of_doubles(0, 0), padded, usual)
    mended, doubled = _mend(shapes, odd, None)
    rest = odd.join(_on_calendar(view, mended, usual).select("value"), on="value", how="anti")
    rest = _not_just_longer(rest, shapes, is_padded=padded)
    return ShapeHabits(float(rest["n"].sum()) / max(view.filled, 1), doubled, padded, usual)


def judge_shapes(
    view: ColumnView, shapes: Shapes, left: pl.DataFrame, habits: ShapeHabits | None = None
) -> pl.DataFrame:
    """Values of `left` outside the legal patterns, with a repair where exactly one reading leads into a pattern.

    With the `habits` of a view that did not count them, each value is judged by itself.
    """
    odd = left.filter(~shapes.accepts(pl.col("value")))
    if not len(odd) or len(odd) > 50_000:
        return NOTHING
    mended, _ = _mend(shapes, odd, habits)
    mended = _on_calendar(view, mended, column_format(view) if habits is None else habits.usual)
    usual = shapes.patterns[0] if shapes.patterns else shapes.grain
    why = phrase(
        "{} is not of the form {} that {} % of the column have (9: a digit, A: a capital letter, a: a small one)",
        quoted("value"),
        pl.lit(usual),
        pl.lit(round(100 * shapes.cover, 2)),
    )
    if shapes.cover < _SURE:  # so many other values: some may be of another form by right
        mended = mended.filter(pl.col("operation") != "extract").with_columns(sure=pl.col("sure") * 0.97)
    known = view.values.select(new="value", seen="n")
    good = mended.join(known, on="new", how="left", maintain_order="left").with_columns(
        new_score=pl.when(pl.col("operation") == "extract")
        .then(0.93)  # what is cut away may qualify the value ("estimated"): never without a person
        .otherwise(pl.col("sure") + pl.when(pl.col("seen") > 0).then((1 - pl.col("sure")) / 2).otherwise(0.0))
    )
    repaired = judged(
        good.select("value", "new", "new_score", "operation", "says", why=why),
        kind="format",
        score=0.97,
        mend=True,
    )
    rest = odd.join(mended.select("value"), on="value", how="anti", maintain_order="left")
    if len(rest):
        rest = _not_just_longer(rest, shapes, is_padded=habits.is_padded if habits else _is_padded(view, shapes))
    tail = float(rest["n"].sum()) / max(view.filled, 1) if habits is None else habits.tail
    if tail > _TAIL and len(rest):
        rest = rest.head(0)
    # few cells outside many inside: the rule of succession says how sure the pattern is
    sure = max(0.5, 1 - 10 * tail)
    flagged = judged(rest.select("value", why=why), kind="format", score=sure)
    return pl.concat([repaired, flagged])


def _on_calendar(view: ColumnView, mended: pl.DataFrame, usual: DateFormat | None) -> pl.DataFrame:
    """The repairs that took a character out, without those that make no value of the column.

    Where values come again, the one that is made must be more frequent than the other ("60k-100k" is no slip of
    "60k-10k"); in a column of dates it must be a day of the calendar.
    """
    taken = pl.col("operation") == "drop_character"
    if not len(mended.filter(taken)):
        return mended
    known = [
        view.values.select(pl.col("value").alias(side), pl.col("n").alias(f"n_{side}")) for side in ("value", "new")
    ]
    joined = mended.join(known[0], on="value", how="left", maintain_order="left")
    joined = joined.join(known[1], on="new", how="left", maintain_order="left")
    held = pl.col("n_value").fill_null(1)  # a value that was not counted stands in this cell
    lone = pl.lit(view.is_near_unique) & (held <= 2)
    kept = joined.filter(~taken | lone | (pl.col("n_new").fill_null(0) > held)).select(mended.columns)
    return kept if usual is None else kept.filter(~taken | parse(kept["new"], usual.format).is_not_null())


def _is_padded(view: ColumnView, shapes: Shapes) -> bool:
    """Whether the column pads its numbers with zeros."""
    legal = view.probe(_PROBE).filter(shapes.accepts(pl.col("value")))
    padded = legal.filter(pl.col("value").str.contains(r"(?:^|\D)0\d"))
    return len(padded) >= 0.01 * len(legal)


def _not_just_longer(rest: pl.DataFrame, shapes: Shapes, *, is_padded: bool) -> pl.DataFrame:
    """`rest` without values that differ from a legal pattern in the number of digits only.

    Where the column pads its numbers with zeros the width is part of the form, and they stay.
    """
    if shapes.grain != "exact" or is_padded:
        return rest
    forms = [re.sub("9+", "9", pattern) for pattern in shapes.patterns]
    form = exact_pattern(pl.col("value")).str.replace_all("9+", "9")
    return rest.filter(~form.is_in(forms))


def _mend(shapes: Shapes, odd: pl.DataFrame, habits: ShapeHabits | None) -> tuple[pl.DataFrame, float]:
    """`value`, `new`, `sure`, `operation`, `says` of the values with one way into a legal pattern, surest way first.

    Also how sure a doubled character is: by `habits`, or by these values.
    """
    out: list[pl.DataFrame] = []
    left = odd.select("value")
    if shapes.constants:
        out.append(_constant(shapes, left))
        left = left.join(out[0].select("value"), on="value", how="anti", maintain_order="left")
    if len(left):
        out.append(_first_way(shapes, left))
        left = left.join(out[-1].select("value"), on="value", how="anti", maintain_order="left")
    if shapes.constants and len(left):
        alike = _look_alikes(shapes, left)
        out.append(alike)
        left = left.join(alike.select("value"), on="value", how="anti", maintain_order="left")
        out.append(_punctuated(shapes, left))
        left = left.join(out[-1].select("value"), on="value", how="anti", maintain_order="left")
    extra, doubled = _one_too_many(shapes, left, habits)
    out = [part for part in (*out, extra) if len(part)]
    return (pl.concat(out) if out else pl.DataFrame(schema=_MENDED)), doubled


def _first_way(shapes: Shapes, left: pl.DataFrame) -> pl.DataFrame:
    """The values that some way leads into a legal pattern, by the first that does."""
    ways = _ways(shapes)
    made = left.select("value", *(new.alias(f"new{i}") for i, (_, _, _, new) in enumerate(ways)))
    fits = [
        pl.when((pl.col(f"new{i}") != pl.col("value")) & shapes.accepts(pl.col(f"new{i}"))).then(i)
        for i in range(len(ways))
    ]
    first = made.with_columns(way=pl.coalesce(fits)).filter(pl.col("way").is_not_null())
    told = dict(enumerate(ways))
    new = pl.coalesce(pl.when(pl.col("way") == i).then(f"new{i}") for i in told)
    of = {name: {i: way[at] for i, way in told.items()} for at, name in enumerate(("operation", "says", "sure"))}
    return first.select(
        "value",
        new=new,
        sure=pl.col("way").replace_strict(of["sure"], return_dtype=pl.Float64),
        operation=pl.col("way").replace_strict(of["operation"], return_dtype=pl.String),
        says=pl.col("way").replace_strict(of["says"], return_dtype=pl.String),
    )


def _sure_of_doubles(typed: int, unclear: int) -> float:
    """A character put in anywhere repeats its neighbour in one case of five or so."""
    return 0.96 * (typed + 1) / (typed + 1.25 * unclear + 2)


def _one_too_many(shapes: Shapes, left: pl.DataFrame, habits: ShapeHabits | None) -> tuple[pl.DataFrame, float]:
    """Values that are of the column's form without one character, or without what was typed twice or three times.

    Where more than one character could go, that which repeats the one before it; values in which none does say how
    sure that is.
    """
    nothing = pl.DataFrame(schema=_MENDED), habits.doubled if habits else _sure_of_doubles(0, 0)
    widths = {len(pattern) for pattern in shapes.patterns}
    if shapes.grain not in ("exact", "alnum") or not len(left) or max(widths) > _WIDEST:
        return nothing
    # "9 pieces" and "99 pieces": a sign in "3x pieces" may stand over a digit as well as besides it
    if len({re.sub(r"9+|w+", "9", pattern) for pattern in shapes.patterns}) < len(shapes.patterns):
        return nothing
    value, parts = pl.col("value"), []
    if all(set(pattern) == {"9"} for pattern in shapes.patterns):
        left = left.filter(~value.str.ends_with("0"))  # digits alone, and maybe times ten
    for extra in (1, 2):
        some = left.select("value").filter(value.str.len_chars().is_in([width + extra for width in widths]))
        for at in range(max(widths) + 1 if len(some) else 0):
            before, cut = value.str.slice(max(at - 1, 0), 1), value.str.slice(at, extra)
            twice = pl.lit(at > 0) & (cut == pl.concat_str([before] * extra))
            new = pl.concat_str(value.str.slice(0, at), value.str.slice(at + extra))
            made = some.select("value", new=new, twice=twice, extra=pl.lit(extra))
            parts.append(made.filter(shapes.accepts(pl.col("new")) & (twice | pl.lit(extra == 1))))
    made = pl.concat(parts) if parts else pl.DataFrame()
    if not len(made):
        return nothing
    made = made.group_by("value", "new").agg(pl.col("twice").any()).sort("value", "new")
    ways = {"only": pl.len().over("value") == 1, "doubles": pl.col("twice").sum().over("value")}
    made = made.with_columns(**ways)
    typed = made.filter(~pl.col("only") & pl.col("twice") & (pl.col("doubles") == 1))
    unclear = made.filter(~pl.col("only") & (pl.col("doubles") == 0))["value"].n_unique()
    sure = habits.doubled if habits else _sure_of_doubles(len(typed), unclear)
    said = {"operation": pl.lit("drop_character"), "says": pl.lit("take out the character that is one too many")}
    parts = [made.filter("only").select("value", "new", sure=pl.lit(0.95), **said)]
    return pl.concat([*parts, typed.select("value", "new", sure=pl.lit(sure), **said)]), sure


def _constant(shapes: Shapes, left: pl.DataFrame) -> pl.DataFrame:
    """Values that differ from the template in one letter or digit that all other values share: "q100005" is "B100005".

    Also where that place is missing, unless one beside it is of the same class: then any of them may be lost.
    """
    slots = _slots(shapes.constants)
    fixed = [i for i, (lit, c) in enumerate(slots) if lit and c.isalnum()]
    value, out = pl.col("value"), []
    parts = [re.escape(c) if lit else _CLASS.get(c, re.escape(c)) for lit, c in slots]
    for i in fixed:
        before, after = "".join(parts[:i]), "".join(parts[i + 1 :])
        beside = [_is_digit(slots[k][1]) for k in (i - 1, i + 1) if 0 <= k < len(slots)]
        is_alone = _is_digit(slots[i][1]) not in beside
        regex = rf"^({before})\S{'?' if is_alone else ''}({after})$"
        new = pl.concat_str(value.str.extract(regex, 1), pl.lit(slots[i][1]), value.str.extract(regex, 2))
        out.append(left.select("value", new=new).drop_nulls("new"))
    schema = {"value": pl.String, "new": pl.String}
    made = pl.concat(out) if out else pl.DataFrame(schema=schema)
    made = made.filter((pl.col("new") != value) & shapes.accepts(pl.col("new"))).unique(maintain_order=True)
    return made.filter(pl.len().over("value") == 1).select(
        "value", "new",
        sure=pl.lit(0.95),
        operation=pl.lit("constant"),
        says=pl.lit("write the letter or digit that all values have at that place"),
    )  # fmt: skip


def _is_digit(slot: str) -> bool | None:
    """Whether a place of a template holds a digit or a letter; None for marks."""
    return None if not slot.isalnum() else slot.isdigit()


def _ways(shapes: Shapes) -> list[tuple[str, str, float, pl.Expr]]:
    value = pl.col("value")
    blank = value.str.strip_chars().str.replace_all(r"\s+", " ")
    tight = value.str.replace_all(r"\s+", "")
    trimmed = blank.str.strip_chars(" ;,.:'\"`|()[]{}<>*#_~\\/")
    inner = shapes.regex.removeprefix("^").removesuffix("$")
    bounded = rf"(?:^|[^\p{{L}}\d])({inner})(?:[^\p{{L}}\d]|$)"
    once = value.str.extract_all(bounded).list.len() == 1
    extracted = pl.when(once).then(value.str.extract(bounded, 1))
    ways = [
        ("trim", "take blanks away", 0.98, blank),
        ("trim", "take blanks away", 0.96, pl.when(extracted.is_null() | (extracted == tight)).then(tight)),
        ("case", "write capitals as the rest of the column does", 0.95, blank.str.to_uppercase()),
        ("case", "write capitals as the rest of the column does", 0.95, blank.str.to_lowercase()),
        ("case", "write capitals as the rest of the column does", 0.93, blank.str.to_titlecase()),
        ("drop_decimal", "take a trailing .0 away", 0.96, blank.str.replace(r"[.,]0+$", "")),
        ("trim_marks", "take marks around the value away", 0.95, trimmed),
        ("ascii", "write plain characters for look-alikes", 0.95, _plain_characters(blank)),
    ]
    if shapes.patterns:  # what is an address from its end as well tells nothing
        ways.append(("reverse", "write the characters in reverse order", 0.9, blank.str.reverse()))
    if shapes.grain == "email":
        at = blank.str.replace(r"(?i)\s*[\[(<]?\s*\bat\b\s*[\])>]?\s*", "@").str.replace_all(
            r"(?i)\s+[\[(]?dot[\])]?\s+", "."
        )
        ways.append(("email_at", "write @ for the word at", 0.95, pl.when(~value.str.contains("@")).then(at)))
        ways.append(("email_at", "take blanks and marks away", 0.9, tight.str.strip_chars(";,.:<>()[]'\"")))
        ways.append(("email_at", "write one @ and single dots", 0.8, tight.str.replace_all(r"@+", "@").str.replace_all(
            r"\.{2,}", ".").str.replace_all(",", ".")))  # fmt: skip
    if shapes.grain in ("exact", "email", "uuid", "ip") or (shapes.grain == "alnum" and len(shapes.patterns) == 1):
        ways.append(("extract", "keep the part that has the column's form", 0.93, extracted))
    return ways


def _plain_characters(text: pl.Expr) -> pl.Expr:
    """Typographic dashes, quotes and full-width digits as plain ones."""
    plain = text.str.replace_all(r"[‐‑‒–—−]", "-").str.replace_all(r"[‘’′]", "'").str.replace_all(r"[“”″]", '"')
    wide = {chr(0xFF10 + d): str(d) for d in range(10)}
    return plain.str.replace_many(list(wide), list(wide.values()))


_AS_DIGIT: Final = {"O": "0", "o": "0", "Q": "0", "D": "0", "I": "1", "l": "1", "i": "1", "|": "1", "Z": "2", "z": "2",
                    "S": "5", "s": "5", "B": "8", "G": "6"}  # fmt: skip
_AS_LETTER: Final = {"0": "O", "1": "I", "5": "S", "8": "B", "2": "Z"}


def _look_alikes(shapes: Shapes, left: pl.DataFrame) -> pl.DataFrame:
    """Letters read for digits and digits for letters, by the place they stand in: "SN-O098" in `AA-9999`."""
    slots = _slots(shapes.constants)
    same = left.filter(pl.col("value").str.len_chars() == len(slots))
    if not len(same) or len(slots) > 60:
        return pl.DataFrame(schema=_MENDED)
    pieces = []
    for i, (lit, c) in enumerate(slots):
        at = pl.col("value").str.slice(i, 1)
        if c.isdigit():
            at = at.replace(_AS_DIGIT)
        elif c == "A" or (lit and c.isupper()):
            at = at.replace(_AS_LETTER)
        pieces.append(at)
    return same.select(
        "value",
        new=pl.concat_str(pieces),
        sure=pl.lit(0.9),
        operation=pl.lit("look_alike"),
        says=pl.lit("write a digit for the letter that looks like it, or a letter for the digit"),
    ).filter((pl.col("new") != pl.col("value")) & shapes.accepts(pl.col("new")))


def _punctuated(shapes: Shapes, left: pl.DataFrame) -> pl.DataFrame:
    """Letters and digits of a value put into the dominant template, constants filled in where the value lacks them.

    Only where the classes agree place by place, so nothing is invented: "FE12342" in `AA-99999` is "FE-12342". Where
    the beginning is lacking, the marks that are there stand where the template has them: "04#2" is no "00-42".
    """
    slots = _slots(shapes.constants)
    whole = [(lit, c) for lit, c in slots if c.isalnum() or c in _CLASS]
    lead = next((i for i, (lit, _) in enumerate(whole) if not lit), len(whole))
    skeleton = left.with_columns(s=pl.col("value").str.replace_all(r"[^\p{L}\d]", ""))
    out = []
    for skipped in range(lead + 1):  # a prefix that all values share may be lacking
        sure, parts = _LACKING if skipped else 0.95, whole[skipped:]
        if len(parts) < 3:
            continue
        regex = "^" + "".join("(" + (re.escape(c) if lit else _CLASS[c]) + ")" for lit, c in parts) + "$"
        # upper case is put in only where the template wants letters of one case
        for cased in (pl.col("s"), pl.col("s").str.to_uppercase(), pl.col("s").str.to_lowercase()):
            fitting = skeleton.with_columns(c=cased).filter(pl.col("c").str.contains(regex))
            if not len(fitting):
                continue
            pieces: list[pl.Expr] = []
            at = -skipped
            for _, c in slots:
                if not c.isalnum() and c not in _CLASS:
                    pieces.append(pl.lit(c))
                    continue
                pieces.append(pl.lit(c) if at < 0 else pl.col("c").str.slice(at, 1))
                at += 1
            out.append(
                fitting.select(
                    "value",
                    new=pl.concat_str(pieces),
                    sure=pl.lit(sure),
                    operation=pl.lit("punctuate"),
                    says=pl.lit("put the marks where the rest of the column has them"),
                )
            )
            skeleton = skeleton.join(fitting.select("value"), on="value", how="anti", maintain_order="left")
    made = pl.concat(out) if out else pl.DataFrame(schema=_MENDED)
    runs = [pl.col(name).str.replace_all(r"[^\p{L}\d]+", " ").str.strip_chars() for name in ("value", "new")]
    placed = (pl.col("sure") > _LACKING) | ~runs[0].str.contains(" ", literal=True) | runs[1].str.ends_with(runs[0])
    return made.filter((pl.col("new") != pl.col("value")) & shapes.accepts(pl.col("new")) & placed)
