"""Judge the cells of a numeric column that are no plain numbers: units, separators, percent signs, words."""

from __future__ import annotations

from typing import Final

import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.nature import Nature
from kintsu.profile.values.numbers import loose_numbers, print_numbers
from kintsu.profile.values.units import header_unit, is_multiplier, leading_unit_of, unit_of
from kintsu.profile.values.view import NOTHING, judged

__all__ = ["judge_quantities", "misspelt"]


def judge_quantities(nature: Nature, left: pl.DataFrame, parsed: pl.DataFrame | None = None) -> pl.DataFrame:
    """Judgements for `left`, the values of a numeric column that are not yet judged.

    Numbers with a unit, a currency, a percent sign or separators are printed as the column prints its numbers; a
    word is a finding without a repair. A whole column of quantities is a matter of convention: it is only proposed
    where the header names the unit or the unit is spelt in several ways. `parsed` reads values that `nature` has not
    seen (see `parsed_like`): each of them is judged by itself, beside those that it has seen.
    """
    if nature.kind == "number":
        floats = pl.concat([_signed(nature, left), _floats_among_integers(nature, left), _other_places(nature, left)])
    else:
        floats = NOTHING
    unread = (nature.parsed if parsed is None else parsed).filter(pl.col("plain").is_null())
    odd = left.select("value").join(unread, on="value", how="inner", maintain_order="left")
    if nature.kind not in ("number", "quantity") or not len(odd):
        return floats
    odd = _units(odd)
    counted = odd if parsed is None else _units(nature.odd)
    if nature.kind == "quantity":
        return _whole_column(nature, odd, counted)
    scanned = _look_alikes(nature, odd)
    odd = odd.join(scanned.select("value"), on="value", how="anti", maintain_order="left")
    if parsed is None:
        counted = odd
    read = _minority(nature, odd, counted)
    unread = odd.join(read.select("value"), on="value", how="anti", maintain_order="left")
    if parsed is None:
        counted = unread
    strange = _stray_characters(nature, unread, counted)
    return pl.concat([floats, scanned, read, strange, _words(nature, unread, counted)])


_LONGEST: Final = 30  # characters of a number; longer ones may be no finite ones
_DIGITS: Final = {"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "Z": "2", "z": "2", "S": "5", "s": "5", "B": "8"}


def _look_alikes(nature: Nature, odd: pl.DataFrame) -> pl.DataFrame:
    """Letters read for digits: "34.8l" is 34.81 where the column has two decimals.

    A letter at the end may also be a unit ("5l" are litres): then the number of decimals or digits must speak.
    """
    value, letters = pl.col("value"), "".join(_DIGITS)
    form = rf"^-?[\d{letters}]+(?:\.[\d{letters}]+)?$"
    some = odd.filter(value.str.contains(form) & (value.str.count_matches(rf"[{letters}]") <= 2))
    some = some.filter(value.str.count_matches(r"\d") >= value.str.count_matches(rf"[{letters}]"))
    if not len(some):
        return NOTHING
    some = some.with_columns(new=value.str.replace_many(list(_DIGITS), list(_DIGITS.values())))
    places, width = nature.places, nature.usual_width
    low, high = nature.fences
    fits = pl.col("new").cast(pl.Float64, strict=False).is_between(low, high)
    if places:
        formed = pl.col("new").str.extract(r"\.(\d+)$").str.len_chars() == places
        without = value.str.extract(r"\.(\d+)$").str.len_chars() == places
    else:
        formed = pl.lit(width > 0) & (pl.col("new").str.len_chars() == width)
        without = pl.lit(not width)
    known = pl.col("new").is_in(nature.repeated.implode())
    unit_like = value.str.contains(rf"[{letters}]$") & (value.str.count_matches(rf"[{letters}]") == 1) & without
    sure = (
        pl.when(~fits)
        .then(0.3)
        .when(unit_like)
        .then(pl.when(known & ~value.str.contains("l$")).then(0.7).otherwise(0.55))
        .when(formed.fill_null(False) | known)
        .then(0.96)
        .otherwise(0.85)
    )
    return judged(
        some.select(
            "value",
            "new",
            new_score=sure,
            why=phrase("a letter among digits that looks like one: {} may be {}", "value", "new"),
        ),
        kind="type",
        score=0.95,
        mend=True,
        operation="number_format",
        says="write a digit for the letter that looks like it",
    )


def misspelt(nature: Nature, value: pl.Expr) -> pl.Expr:
    """Whether a value of a column of numbers may be judged at all: true for all that `judge_quantities` would judge."""
    told = ~value.str.contains(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$") | (value.str.len_bytes() > _LONGEST)
    tried = pl.DataFrame({"value": ["1.0"], "n": [1]})
    if len(_floats_among_integers(nature, tried)):
        told |= value.str.contains(r"\.0+$")
    if nature.places and len(_other_places(nature, tried.with_columns(value=pl.lit(f"1.{'1' * nature.places}0")))):
        told |= value.str.contains(rf"\.\d{{{nature.places}}}0+$")
    return told


def _signed(nature: Nature, left: pl.DataFrame) -> pl.DataFrame:
    """Numbers with a plus sign, in a column that writes nineteen of twenty positive numbers without."""
    signed = left.filter(pl.col("value").str.contains(r"^\+(?:[1-9]\d*|0)(?:\.\d+)?$"))
    positive = nature.view.share(pl.col("value").str.contains(r"^\+?\d+(?:\.\d+)?$"))
    share = nature.view.share(pl.col("value").str.contains(r"^\+\d"))
    if not len(signed) or share > 0.05 * positive:
        return NOTHING
    return judged(
        signed.select(
            "value",
            new=pl.col("value").str.slice(1),
            why=phrase(
                "a plus sign, which {} % of the numbers do not have", pl.lit(round(100 - 100 * share / positive, 1))
            ),
        ),
        kind="format",
        score=0.95,
        mend=True,
        new_score=0.97,
        operation="number_format",
        says="print numbers without a plus sign",
    )


def _floats_among_integers(nature: Nature, left: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers with a trailing .0 in a column of which nineteen of twenty cells are bare integers."""
    dotted = left.filter(pl.col("value").str.contains(r"^[+-]?\d+\.0+$"))
    if not len(dotted):
        return NOTHING
    bare = nature.view.share(pl.col("value").str.contains(r"^[+-]?\d+$"))
    # nearly all points are those of a trailing zero: the column has no fractions
    fractions = nature.view.share(pl.col("value").str.contains(r"^[+-]?\d+\.\d*[1-9]\d*$"))
    few = 0.02 * nature.view.share(pl.col("value").str.contains(r"\.0+$")) + 0.002
    # a number that lost its last digits, or was divided, is no fraction of a column of integers
    if bare < 0.5 or fractions > (0.02 if bare >= 0.9 else few):
        return NOTHING
    return judged(
        dotted.select(
            "value",
            new=pl.col("value").str.replace(r"\.0+$", ""),
            why=phrase("{} among integers: {} % of the column have no point", "value", pl.lit(round(100 * bare, 1))),
        ),
        kind="format",
        score=0.95,
        mend=True,
        new_score=0.97 if bare >= 0.8 else 0.9,
        operation="number_format",
        says="print integers without a decimal point",
    )


def _other_places(nature: Nature, left: pl.DataFrame) -> pl.DataFrame:
    """Numbers with zeros too many at the end, in a column that writes a fixed number of decimals.

    Fixed: nine of ten cells have that many, those that end in zero included. Of a decimal too few nobody knows whether
    it was a zero.
    """
    places = nature.places
    value = pl.col("value")
    usual = rf"^[+-]?\d+\.\d{{{places}}}$"
    if not places or nature.view.share(value.str.contains(usual)) < 0.9 or not nature.is_padded:
        return NOTHING
    longer = left.filter(value.str.contains(rf"^[+-]?\d+\.\d{{{places}}}0+$")).with_columns(
        new=value.str.extract(rf"^([+-]?\d+\.\d{{{places}}})")
    )
    return judged(
        longer.select(
            "value",
            "new",
            why=phrase("{} in a column of numbers with {} decimals", "value", pl.lit(places)),
        ),
        kind="format",
        score=0.9,
        mend=True,
        new_score=0.9,
        operation="number_format",
        says=f"print numbers with {places} decimals",
    )


def _units(odd: pl.DataFrame) -> pl.DataFrame:
    known = {affix: leading_unit_of(affix) or "" for affix in odd["prefix"].drop_nulls().unique().to_list()}
    before = pl.col("prefix").replace_strict(known, default="", return_dtype=pl.String)
    known = {affix: unit_of(affix) or "" for affix in odd["suffix"].drop_nulls().unique().to_list()}
    after = pl.col("suffix").replace_strict(known, default="", return_dtype=pl.String)
    # units are found in the first word of an affix, so a unit in words after it ("12 oz. can") still counts
    return odd.with_columns(unit=pl.when(after != "").then(after).otherwise(before))


def _minority(nature: Nature, odd: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Odd cells of a column of plain numbers that read as numbers; `counted` say how usual what stands around is."""
    low, high = nature.fences
    top = nature.ends[1]
    named = header_unit(nature.view.name) or ""
    out_of = pl.col("suffix").str.extract(r"^/\s*(\d+)$").cast(pl.Float64, strict=False)
    tail = pl.col("suffix").str.contains(r"^[,.]0$").fill_null(False)
    affixes = {"__before": pl.col("prefix").str.to_lowercase(), "__after": pl.col("suffix").str.to_lowercase()}
    supported = (
        counted.filter(pl.col("number").is_not_null()).with_columns(**affixes).group_by(*affixes).agg(support=pl.len())
    )
    # "3.512,0" may be 3512 or 3.512 with a second zero place: the reading that lies in the column's range
    alone = pl.col("value").str.extract(r"^\s*([+-]?\d+\.\d+),0+\s*$").cast(pl.Float64, strict=False)
    strays = ~pl.col("number").is_between(low, high).fill_null(False) & alone.is_between(low, high).fill_null(False)
    odd = odd.with_columns(tail=tail | strays, number=pl.when(strays).then(alone).otherwise("number"))
    read = odd.filter(pl.col("number").is_not_null()).with_columns(out_of=out_of, **affixes)
    read = read.join(supported, on=list(affixes), how="left", maintain_order="left")
    bare = (pl.col("prefix") == "") & (pl.col("suffix") == "")
    percent = pl.col("unit") == "%"
    fits = pl.col("number").is_between(low, high)
    fits_hundredth = (pl.col("number") / 100).is_between(low, high)
    # out of the usual range a comma may have been read the wrong way; without one the number is merely large
    doubt = pl.when(pl.col("body").str.contains(",", literal=True)).then(0.4).otherwise(0.75)
    # 5% beside 0.05 is a hundredth; 0.05% beside 0.05, or 5% beside 5, is the sign alone
    scaled = percent & ~fits & fits_hundredth
    other_unit = (pl.col("unit") != "") & ~percent & pl.lit(named != "") & (pl.col("unit") != named)
    other_unit = other_unit | _in_doubt(read, named, counted.filter(pl.col("number").is_not_null()))
    affix = pl.concat_str("prefix", "suffix")
    certainty = (
        pl.when(bare | pl.col("tail"))
        .then(pl.when(pl.col("tail")).then(0.9).otherwise(0.96))
        .when(pl.col("out_of") == top)
        .then(0.95)
        .when(pl.col("out_of").is_not_null())
        .then(0.4)
        .when(other_unit)
        .then(0.15)  # 1 g beside 500 mg: without its unit the number says something else
        .when(percent)
        .then(0.95)
        .when(pl.col("unit") != "")
        .then(0.96)
        .when((pl.col("support") >= 3) & affix.str.contains(r"\p{L}"))
        .then(0.8)
        .when(~affix.str.contains(r"\p{L}"))
        .then(0.15)
        .otherwise(0.5)
    )
    # accountants write losses in brackets; where no other number is below zero the brackets may mean anything
    below = (nature.ends[0] or 0) < 0
    bracketed = pl.col("value").str.contains(r"^\s*\(") & pl.lit(not below)
    certainty = pl.when(bracketed).then(0.6).otherwise(certainty)
    # letters right before the digits make a code ("B12"): taking them away invents a number
    coded = (pl.col("unit") == "") & pl.col("value").str.contains(r"^\s*\p{L}+\d")
    certainty = pl.when(coded).then(0.3).otherwise(certainty)
    number = pl.col("number")
    new = pl.when(bracketed).then(number.abs()).when(scaled).then(number / 100).otherwise(number)
    found = read.with_columns(
        number=new, new_score=certainty * pl.when(fits | scaled).then(1.0).otherwise(doubt)
    ).with_columns(new=print_numbers(read.select(number=new)["number"], places=nature.places))
    if nature.has_points:  # "$ 48" is "48.0" where no number of the column is without a point
        whole = pl.col("new").str.contains(r"^-?\d+$")
        found = found.with_columns(new=pl.when(whole).then(pl.col("new") + ".0").otherwise("new"))
    if nature.is_padded:  # "$ 48.50" is "48.50" where the column writes zeros at the end
        as_written = pl.col("body").str.contains(r"^-?\d+\.\d+$") & ~bracketed & ~scaled.fill_null(False)
        found = found.with_columns(new=pl.when(as_written).then("body").otherwise("new"))
    # zeros in front make a code, which is no number to be printed anew
    padded = pl.col("body").str.contains(r"^0\d+$")
    found = found.with_columns(new=pl.when(padded).then("body").otherwise("new"))
    # digits of one width are codes: a shorter number has lost a digit, and nobody knows which
    width = nature.usual_width
    if width:
        n_digits = pl.col("body").str.count_matches(r"\d")
        found = found.with_columns(new_score=pl.when(n_digits == width).then("new_score").otherwise(0.1))
    kind = pl.when(bare | pl.col("tail")).then(pl.lit("format")).when(
        (pl.col("unit") != "") | pl.col("out_of").is_not_null()
    ).then(pl.lit("unit")).otherwise(pl.lit("type"))  # fmt: skip
    return judged(
        found.select(
            "value",
            "new",
            "new_score",
            kind=kind,
            why=phrase(
                "{} in a column where {} % of the cells are plain numbers",
                quoted("value"),
                pl.lit(round(100 * nature.plain_share, 1)),
            ),
            operation=pl.when(kind == "format").then(pl.lit("number_format")).otherwise(pl.lit("strip_unit")),
            says=pl.when(kind == "format")
            .then(pl.lit("print numbers as the rest of the column does"))
            .otherwise(pl.lit("strip the unit or other text around a number")),
        ),
        score=0.97,
        mend=True,
    ).with_columns(mend=pl.col("new_score") >= 0.2)


def _in_doubt(read: pl.DataFrame, named: str, counted: pl.DataFrame) -> pl.Expr:
    """Whether the number means something else without its affix: a multiplier, or one of several units.

    A unit is clear if the header names it, or if nine of ten cells with letters or signs beside the number have it.
    """
    affixes = pl.concat([read["prefix"], read["suffix"]]).drop_nulls().unique().to_list()
    multipliers = [affix for affix in affixes if is_multiplier(affix)]
    times = pl.col("suffix").is_in(multipliers) & (pl.lit(named == "") | (pl.col("unit") != named))
    worded = counted.filter(
        (pl.col("unit") != "%") & pl.concat_str("prefix", "suffix").str.contains(r"[\p{L}\p{Sc}°\x22']")
    )
    units = worded.group_by("unit").agg(pl.col("n").sum()).sort("n", "unit")
    if len(units) < 2:
        return times
    clear = str(units["unit"][-1]) if units["n"][-1] >= 0.9 * int(units["n"].sum()) else ""
    return times | ((pl.col("unit") != "") & (pl.col("unit") != "%") & ~pl.col("unit").is_in([clear, named]))


def _stray(odd: pl.DataFrame) -> pl.DataFrame:
    """Digits with one foreign letter between or before them, and the `rest` without it."""
    strange = odd.filter(pl.col("number").is_null()).with_columns(
        rest=pl.col("value").str.replace_all(r"[^\d.\-]", ""), dropped=pl.col("value").str.count_matches(r"[^\d.\-]")
    )
    return strange.filter((pl.col("dropped") == 1) & pl.col("rest").str.contains(r"^-?\d+(\.\d+)?$"))


def _stray_characters(nature: Nature, odd: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Digits with one foreign letter between or before them: taking it out leaves a number the column knows."""
    strange = _stray(odd)
    if not len(strange) or _overwritten(nature, _stray(counted)):
        return NOTHING
    known = nature.parsed.filter(pl.col("plain").is_not_null()).select(rest="value", seen="n")
    strange = strange.join(known, on="rest", how="inner", maintain_order="left")
    return judged(
        strange.select(
            "value",
            new="rest",
            why=phrase(
                "one stray character; without it the value is {}, seen {}", "rest", number_of("seen", "time", "times")
            ),
        ),
        kind="type",
        score=0.95,
        mend=True,
        new_score=0.7,
        operation="drop_character",
        says="take a stray character out of a number",
    )


def _overwritten(nature: Nature, strange: pl.DataFrame) -> bool:
    """Whether the stray characters stand in place of digits, by the lengths that numbers of the column have.

    Put in, they make values one character longer. Each value speaks by the odds of its length either way.
    """
    plain = nature.parsed.filter(pl.col("plain").is_not_null())
    lengths = plain.group_by(size=pl.col("value").str.len_chars().cast(pl.Int64)).agg(pl.col("n").sum())
    odds = strange.select("n", size=pl.col("value").str.len_chars().cast(pl.Int64))
    for name, shift in (("instead", 0), ("besides", 1)):
        held = lengths.select(size=pl.col("size") + shift, held=pl.col("n")).rename({"held": name})
        odds = odds.join(held, on="size", how="left")
    told = odds.select(
        (pl.col("n") * ((pl.col("instead").fill_null(0) + 1) / (pl.col("besides").fill_null(0) + 1)).log()).sum()
    )
    return bool(told.item() > 0)


def _words(nature: Nature, odd: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Cells that are no number at all, in a column that is nearly all numbers."""
    if nature.plain_share < 0.9 or not len(odd):
        return NOTHING
    rest = pl.col("value").str.replace_all(r"[^\d.\-]", "")
    stray = (pl.col("value").str.count_matches(r"[^\d.\-]") == 1) & rest.is_in(nature.parsed["value"].implode())
    # a word that comes again and again is a category of its own ("80+"), not a slip
    filled = max(nature.view.filled, 1)
    is_word = pl.col("number").is_null() & ~stray & (pl.col("n") <= max(3.0, 0.005 * filled))
    words = odd.filter(is_word)
    if int(counted.filter(is_word)["n"].sum()) > 0.05 * filled:
        words = words.head(0)
    return judged(
        words.select(
            "value",
            why=phrase(
                "{} is no number; {} % of the column are",
                quoted("value"),
                pl.lit(round(100 * nature.plain_share, 2)),
            ),
        ),
        kind="type",
        score=0.97,
    )


def _whole_column(nature: Nature, odd: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """A column of quantities: bare numbers where the header names the unit, else one spelling of the unit."""
    known = counted.filter(pl.col("number").is_not_null())
    named = header_unit(nature.view.name)
    spellings = known.group_by("prefix", "suffix").agg(pl.col("n").sum()).sort("n", "prefix", "suffix")
    units = known.filter(pl.col("unit") != "").group_by("unit").agg(pl.col("n").sum()).sort("n", "unit")
    if not len(units) or units["n"][-1] < 0.9 * int(known["n"].sum()):
        return NOTHING
    unit = str(units["unit"][-1])
    mine, usually = _of_unit(odd, unit), _of_unit(known, unit)
    if named == unit or (named is None and len(spellings) > 1 and spellings["n"][-1] < 0.9 * int(spellings["n"].sum())):
        score = 0.95 if named == unit else 0.55  # a header that names the unit makes it idle in the cells
        return judged(
            mine.with_columns(new=print_numbers(mine["number"])).select(
                "value",
                "new",
                why=phrase("a number with a unit ({}) in a column of quantities", pl.lit(unit)),
            ),
            kind="unit",
            score=0.6,
            mend=True,
            new_score=score,
            operation="strip_unit",
            says=f"write bare numbers: the unit {unit} is the same in the whole column",
        )
    prefix, suffix = spellings["prefix"][-1], spellings["suffix"][-1]
    spelt_so = usually.filter((pl.col("prefix") == prefix) & (pl.col("suffix") == suffix))
    usual = str(spelt_so.sort("n", "value")["value"][-1])
    body = loose_numbers(pl.Series([usual]))["body"][0]
    head, _, end = usual.partition(body)
    spelt = pl.concat_str(pl.lit(head), pl.col("body").str.strip_chars(), pl.lit(end))
    others = mine.with_columns(new=spelt).filter(pl.col("new") != pl.col("value"))
    unlike = int(usually.filter(spelt != pl.col("value"))["n"].sum())
    sure = 0.96 if unlike <= 0.1 * int(usually["n"].sum()) else 0.8
    return judged(
        others.select(
            "value",
            "new",
            why=phrase("the unit is usually spelt {}", pl.lit(f"'{head}1{end}'")),
        ),
        kind="unit",
        score=0.9,
        mend=True,
        new_score=sure,
        operation="spell_unit",
        says=f"spell the unit as in {usual!r}",
    )


def _of_unit(odd: pl.DataFrame, unit: str) -> pl.DataFrame:
    """The numbers with this unit; on each side stands a unit or nothing: "x7%" is damaged, not another spelling."""
    read = odd.filter(pl.col("number").is_not_null())
    affixes = pl.concat([read["prefix"], read["suffix"]]).unique()
    known = [affix for affix in affixes.to_list() if affix == "" or unit_of(affix)]
    leading = [affix for affix in known if affix == "" or leading_unit_of(affix)]
    return read.filter((pl.col("unit") == unit) & pl.col("prefix").is_in(leading) & pl.col("suffix").is_in(known))
