"""One value spelt in several ways: blanks around or inside it, another case, quotes, a broken encoding."""

from __future__ import annotations

from html import unescape
from typing import Final

import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted
from kintsu.profile.values.view import NOTHING, ColumnView, besides, judged

__all__ = [
    "judge_blanks",
    "judge_case",
    "judge_encoding",
    "judge_markup",
    "judge_other_case",
    "judge_quotes",
    "judge_wrapping",
    "repaired_encoding",
]

_USUAL: Final = 0.9  # share of cells that must be clean before the others are slips
_CONTINUED: Final = (  # a continuation byte of UTF-8 read as Latin-1 or Windows-1252
    r"[\x{80}-\x{BF}\x{20AC}\x{2013}-\x{2014}\x{2018}-\x{2026}\x{2030}\x{2039}\x{203A}\x{152}\x{153}"
    r"\x{160}\x{161}\x{178}\x{17D}\x{17E}\x{192}\x{2C6}\x{2DC}\x{2122}]"
)
_BROKEN: Final = rf"[\x{{C2}}-\x{{F4}}]{_CONTINUED}"  # after a lead byte
_PLAIN: Final = dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("‘’′", "'") | dict.fromkeys("“”″", '"') | {"\u00a0": " "}


def judge_blanks(view: ColumnView, left: pl.DataFrame, counted: pl.DataFrame | None = None) -> pl.DataFrame:
    """Blanks before, after or doubled inside values, in a column where nine of ten cells have none of that kind.

    Blanks around values never belong to them, so up to half of the cells may have some. `counted` are the values of
    the column, where `left` are others.
    """
    value = pl.col("value")
    single = value.str.strip_chars().str.replace_all(r"\s+", " ")
    ways = {
        "around": (value.str.contains(r"^\s|\s$"), value.str.strip_chars(),
                   "blanks around the value", "take blanks around the value away"),
        "inside": (value.str.contains(r"\S\s\s+\S|[\t\n\u{a0}]\S"), single,
                   "several blanks in a row, a tab or a line break", "write single blanks"),
    }  # fmt: skip
    out = []
    others = left if counted is None else counted
    for hit, new, what, says in ways.values():
        share = view.share(hit)
        if share > (0.5 if says.startswith("take") else 1 - _USUAL) or (counted is None and share == 0):
            continue
        rows = left.lazy().filter(hit).with_columns(new=new).filter(pl.col("new") != value).collect()
        if not len(rows):
            continue
        known = rows["new"].is_in(others["value"].implode())
        # a value that comes again and again in this spelling, and in no other, is spelt so by habit
        often = pl.lit(not view.is_near_unique) & (pl.col("n") > max(2.0, 0.005 * view.filled))
        rows = rows.with_columns(known=known).filter(pl.col("known") | ~often)
        rows = rows.filter(pl.col("known") | ~_goes_on(rows["value"], others["value"]))
        rows = rows.with_columns(new_score=pl.when(pl.col("known")).then(0.98).otherwise(0.96))
        why = f"{what}, while {100 * (1 - share):.1f} % of the column have none"
        out.append(
            judged(
                rows.select("value", "new", "new_score", why=pl.lit(why)),
                kind="format", score=0.97, mend=True, operation="trim", says=says,
            )
        )  # fmt: skip
    return pl.concat(out).unique("value", keep="last", maintain_order=True) if out else NOTHING


def _goes_on(values: pl.Series, known: pl.Series) -> pl.Series:
    """Whether a value ends in a blank after which another one goes on: "Cold " beside "Cold Room" was cut off."""
    if not values.str.ends_with(" ").any():
        return pl.repeat(False, len(values), eager=True)
    ranked = known.sort()
    following = ranked.search_sorted(values, side="right")
    beyond = following == len(ranked)
    after = ranked.gather(following.set(beyond, 0))
    pairs = pl.DataFrame({"value": values, "after": after, "beyond": beyond})
    return pairs.select(
        ~pl.col("beyond") & pl.col("value").str.ends_with(" ") & pl.col("after").str.starts_with(pl.col("value"))
    ).to_series()


def judge_other_case(left: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Values that one of the `counted` ones equals but for case, at least four times as frequent as its other forms."""
    keyed = left.with_columns(key=pl.col("value").str.to_lowercase())
    some = counted.with_columns(key=pl.col("value").str.to_lowercase()).filter(
        pl.col("key").is_in(keyed["key"].implode())
    )
    if not len(some):
        return NOTHING
    ranked = some.sort("n", "value", descending=[True, False])
    top = ranked.group_by("key", maintain_order=True).agg(
        new=pl.col("value").first(), m=pl.col("n").first(), rest=pl.col("n").slice(1).sum()
    )
    clear = top.filter(pl.col("m") >= 4 * (pl.col("rest") + 1))
    pairs = keyed.join(clear, on="key").filter(pl.col("value") != pl.col("new")).sort("value")
    sure = pl.when(pl.col("m") >= 20 * (pl.col("rest") + 1)).then(0.96).otherwise(0.85)
    return judged(
        pairs.select(
            "value", "new", new_score=sure,
            why=phrase("{} {} in another case", number_of("m", "cell holds", "cells hold"), quoted("new")),
        ),
        kind="format", score=0.97, mend=True, operation="case",
        says="write capitals as the more frequent spelling does",
    )  # fmt: skip


def judge_case(view: ColumnView, left: pl.DataFrame) -> pl.DataFrame:
    """Values that another, at least four times as frequent value equals but for case."""
    if view.is_near_unique or len(left) < 2:
        return NOTHING
    folded = left.with_columns(key=pl.col("value").str.to_lowercase())
    shared = folded.filter(pl.len().over("key") > 1)
    if not len(shared):
        return NOTHING
    top = shared.sort(["key", "n", "value"], descending=[False, True, False]).unique(
        "key", keep="first", maintain_order=True
    )
    pairs = shared.join(top.select("key", new="value", m="n"), on="key").filter(pl.col("value") != pl.col("new"))
    pairs = pairs.filter(pl.col("m") >= 4 * pl.col("n")).sort("value")
    if not len(pairs):
        return NOTHING
    # many values in two cases are a habit of mixing, few are slips; a pair that differs 20 to 1 is one in any case
    clean = int(left["n"].sum()) - int(pairs["n"].sum())
    sure = (
        pl.when((pl.col("m") >= 20 * pl.col("n")) | (pl.lit(pairs["key"].n_unique() >= 2))).then(0.96).otherwise(0.85)
    )
    single = pl.col("value").str.len_chars() == 1
    if not clean:
        return NOTHING
    return judged(
        pairs.select(
            "value", "new",
            score=pl.when(single).then(0.9).otherwise(0.97),
            new_score=pl.when(single).then(sure - 0.05).otherwise(sure),
            why=phrase("{} {}, {} {}", number_of("n", "cell holds", "cells hold"), quoted("value"),
                       number_of("m", "holds", "hold"), quoted("new")),
        ),
        kind="format", mend=True, operation="case", says="write capitals as the more frequent spelling does",
    )  # fmt: skip


_QUOTES: Final = {'"': '"', "'": "'", "`": "`´'", "´": "´", "“": "”", "„": "“”", "”": "”", "«": "»", "»": "«", "‘": "’"}


def judge_quotes(view: ColumnView, left: pl.DataFrame | None = None) -> pl.DataFrame:
    """Whole values in quotes, in a column where at least half of the cells have none; `left` where those are others."""
    value = pl.col("value")
    opening = "".join(_QUOTES)
    is_quoted = value.str.contains(f"^[{opening}]")
    some = (view.values if left is None else left).filter(is_quoted)
    if left is not None and view.share(is_quoted) > 0.5:
        return NOTHING
    if not len(some) or not len(some) <= 50_000:
        return NOTHING
    closing = value.str.head(1).replace_strict(_QUOTES, default="")
    inner = value.str.slice(1).str.head(-1).str.strip_chars()
    rows = some.with_columns(new=inner).filter(
        closing.str.contains(value.str.tail(1), literal=True)
        & (value.str.len_chars() >= 3)
        & (pl.col("new") != "")
        & ~pl.col("new").str.contains(f"[{opening}”»’]")
    )
    rest = round(100 - 100 * int(rows["n"].sum()) / max(view.filled, 1), 1)
    why = phrase("in quotes, while {} % of the column are not", pl.lit(rest))
    return _unwrapped(view, rows, why, "take quotes around the value away")


def judge_markup(view: ColumnView, left: pl.DataFrame | None = None) -> pl.DataFrame:
    """Whole values in tags, or with escaped signs ("&amp;"), in a column where at least half of the cells have none.

    `left` where those are others than the values of the column.
    """
    value = pl.col("value")
    some = (view.values if left is None else left).filter(
        value.str.contains(r"^<[A-Za-z][^<>]*>.+</[A-Za-z]|&(?:[a-z]{2,5}|#\d{2,4});")
    )
    if not 0 < len(some) <= 50_000:
        return NOTHING
    parts = value.str.extract_groups(r"^<([A-Za-z][A-Za-z0-9]*)[^<>]*>([^<>]+)</([A-Za-z][A-Za-z0-9]*)>$")
    tagged = parts.struct.field("1") == parts.struct.field("3")
    bare = some.select("value", "n", new=pl.when(tagged).then(parts.struct.field("2")).otherwise("value"))
    plain = pl.Series("new", [unescape(text).strip() for text in bare["new"].to_list()], dtype=pl.String)
    rows = bare.with_columns(plain).filter((pl.col("new") != value) & (pl.col("new") != ""))
    return _unwrapped(view, rows, phrase("holds markup: it reads {}", quoted("new")), "take markup away")


def _unwrapped(view: ColumnView, rows: pl.DataFrame, why: pl.Expr, says: str) -> pl.DataFrame:
    """What is wrapped around fewer than half of the cells is taken away. `rows` have value, n and new."""
    if not len(rows) or int(rows["n"].sum()) > 0.5 * view.filled:
        return NOTHING
    known = rows["new"].is_in(view.values["value"].implode())
    return judged(
        rows.with_columns(known=known).select(
            "value", "new",
            new_score=pl.when("known").then(0.97).otherwise(0.955),
            why=why,
        ),
        kind="format", score=0.96, mend=True, operation="unwrap", says=says,
    )  # fmt: skip


def judge_wrapping(left: pl.DataFrame, counted: pl.DataFrame | None = None) -> pl.DataFrame:
    """Values in quotes or brackets, or with a stray mark at an end, that a more frequent value equals without them.

    `counted` are the values of the column, where `left` are others.
    """
    value = pl.col("value")
    marks = "\"'`´“”„«»‘’()[]{}<>*_~|;:,.!?^=\\"
    bare = left.with_columns(new=value.str.strip_chars(marks + " ")).filter(
        (pl.col("new") != value) & (pl.col("new") != "")
    )
    if not len(bare):
        return NOTHING
    others = (left if counted is None else counted).select(new="value", m="n")
    pairs = bare.join(others, on="new").filter(pl.col("m") >= 3 * pl.col("n")).sort("value")
    # a mark that many clean values end in ("Inc.") is a habit of the column
    wrapped = value.str.contains(r"""^["'`“”„«‘(\[{<].*["'`“”»’)\]}>]$""")
    score = pl.when(wrapped).then(0.96).otherwise(0.9)
    return judged(
        pairs.select("value", "new", score=score, new_score=score,
                     why=phrase("{} {}, {} it without the marks", number_of("n", "cell holds", "cells hold"),
                                quoted("value"), number_of("m", "holds", "hold"))),
        kind="format", mend=True, operation="unwrap", says="take quotes and marks around the value away",
    )  # fmt: skip


def judge_encoding(left: pl.DataFrame, counted: pl.DataFrame | None = None) -> pl.DataFrame:
    """UTF-8 text that was read as Latin-1 or Windows-1252: "KÃ¶ln" is "Köln".

    `counted` are the values of the column, where `left` are others.
    """
    foreign = left.filter(pl.col("value").str.len_bytes() != pl.col("value").str.len_chars())
    if not len(foreign):
        return NOTHING
    broken = foreign.filter(pl.col("value").str.contains(_BROKEN))
    if not len(broken) or len(broken) > 50_000:
        return NOTHING
    fixed = pl.Series("new", [repaired_encoding(text) for text in broken["value"].to_list()], dtype=pl.String)
    counted = left if counted is None else counted
    rows = _as_typed(broken.with_columns(fixed).drop_nulls("new"), counted)
    known = rows["new"].is_in(counted["value"].implode())
    return judged(
        rows.with_columns(new_score=pl.when(known).then(0.98).otherwise(0.95)).select(
            "value", "new", "new_score", why=phrase("bytes of another encoding: it reads {}", quoted("new"))
        ),
        kind="format", score=0.98, mend=True, operation="encoding", says="read the bytes as UTF-8",
    )  # fmt: skip


def _as_typed(rows: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """The `rows` with plain dashes and quotes in `new`, where the column has those and no typographic ones."""
    sound = "".join(besides(left, rows["value"])["value"].to_list())
    plain = {sign: typed for sign, typed in _PLAIN.items() if sign not in sound and typed in sound}
    return rows.with_columns(pl.col("new").str.replace_many(list(plain), list(plain.values()))) if plain else rows


def repaired_encoding(text: str) -> str | None:
    """The text whose UTF-8 bytes were read in a one-byte encoding; None where there is no such text.

    Bytes that Windows-1252 does not define were read as Latin-1, as most programs do.

    >>> repaired_encoding("KÃ¶ln"), repaired_encoding("Köln"), repaired_encoding("é\\x9d\\x99ã\\x81‹")
    ('Köln', None, '静か')
    """
    for encoding in ("cp1252", "latin-1"):
        try:
            fixed = b"".join(_byte(sign, encoding) for sign in text).decode("utf-8")
        except UnicodeError:
            continue
        if fixed != text:
            return fixed
    return None


def _byte(sign: str, encoding: str) -> bytes:
    try:
        return sign.encode(encoding)
    except UnicodeError:
        return sign.encode("latin-1")
