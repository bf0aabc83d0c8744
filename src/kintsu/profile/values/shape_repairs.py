"""Values that one reading leads into a pattern of their column: look-alikes, lost marks, a character too many."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from kintsu.profile.values.shapes import CLASSES, Shapes, slots_of

__all__ = ["mend", "sure_of_doubles"]

_WIDEST: Final = 60  # characters of the longest form in which a character too many is looked for
_MENDED: Final = {"value": pl.String, "new": pl.String, "sure": pl.Float64, "operation": pl.String, "says": pl.String}
_LACKING: Final = 0.9  # sureness of a value whose beginning, the same in all others, is lost


def mend(shapes: Shapes, odd: pl.DataFrame, doubled: float | None) -> tuple[pl.DataFrame, float]:
    """`value`, `new`, `sure`, `operation`, `says` of the values with one way into a legal pattern, surest way first.

    Also how sure a doubled character is: as was said before, or as these values say.
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
    extra, doubled = _one_too_many(shapes, left, doubled)
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


def sure_of_doubles(typed: int, unclear: int) -> float:
    """A character put in anywhere repeats its neighbour in one case of five or so."""
    return 0.96 * (typed + 1) / (typed + 1.25 * unclear + 2)


def _one_too_many(shapes: Shapes, left: pl.DataFrame, doubled: float | None) -> tuple[pl.DataFrame, float]:
    """Values that are of the column's form without one character, or without what was typed twice or three times.

    Where more than one character could go, that which repeats the one before it; values in which none does say how
    sure that is.
    """
    nothing = pl.DataFrame(schema=_MENDED), doubled if doubled is not None else sure_of_doubles(0, 0)
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
    sure = doubled if doubled is not None else sure_of_doubles(len(typed), unclear)
    said = {"operation": pl.lit("drop_character"), "says": pl.lit("take out the character that is one too many")}
    parts = [made.filter("only").select("value", "new", sure=pl.lit(0.95), **said)]
    return pl.concat([*parts, typed.select("value", "new", sure=pl.lit(sure), **said)]), sure


def _constant(shapes: Shapes, left: pl.DataFrame) -> pl.DataFrame:
    """Values that differ from the template in one letter or digit that all other values share: "q100005" is "B100005".

    Also where that place is missing, unless one beside it is of the same class: then any of them may be lost.
    """
    slots = slots_of(shapes.constants)
    fixed = [i for i, (lit, c) in enumerate(slots) if lit and c.isalnum()]
    value, out = pl.col("value"), []
    parts = [re.escape(c) if lit else CLASSES.get(c, re.escape(c)) for lit, c in slots]
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
    slots = slots_of(shapes.constants)
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
    slots = slots_of(shapes.constants)
    whole = [(lit, c) for lit, c in slots if c.isalnum() or c in CLASSES]
    lead = next((i for i, (lit, _) in enumerate(whole) if not lit), len(whole))
    skeleton = left.with_columns(s=pl.col("value").str.replace_all(r"[^\p{L}\d]", ""))
    out = []
    for skipped in range(lead + 1):  # a prefix that all values share may be lacking
        sure, parts = _LACKING if skipped else 0.95, whole[skipped:]
        if len(parts) < 3:
            continue
        regex = "^" + "".join("(" + (re.escape(c) if lit else CLASSES[c]) + ")" for lit, c in parts) + "$"
        # upper case is put in only where the template wants letters of one case
        for cased in (pl.col("s"), pl.col("s").str.to_uppercase(), pl.col("s").str.to_lowercase()):
            fitting = skeleton.with_columns(c=cased).filter(pl.col("c").str.contains(regex))
            if not len(fitting):
                continue
            pieces: list[pl.Expr] = []
            at = -skipped
            for _, c in slots:
                if not c.isalnum() and c not in CLASSES:
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
