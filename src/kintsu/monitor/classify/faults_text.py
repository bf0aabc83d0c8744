"""Faults of columns of text (patterns) and of types."""

from __future__ import annotations

import numpy as np
import polars as pl
import polars.selectors as cs

from kintsu.monitor.classify.faults import (
    Damaged,
    Delivery,
    NothingToDamage,
    as_number,
    between,
    fault,
    numbers,
    one_of,
    put,
    some_rows,
    texts,
    times,
    with_frame,
)

__all__: list[str] = []

Rng = np.random.Generator


# ------------------------------------------------------------------------------------------------ patterns
def _rewritten(rng: Rng, batch: Delivery, new: pl.Expr, column: str, least: float = 0.04, most: float = 1.0) -> Damaged:
    """`new` stands for the column's cells in a share of the rows."""
    rows = some_rows(rng, batch.frame, between(rng, least, most))
    return with_frame(batch, put(batch.frame, column, rows, new), column)


@fault("pattern")
def slips(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A letter dropped, doubled, exchanged with the next one, or another one."""
    column = one_of(rng, texts(batch.frame, 0.3))
    text = pl.col(column)
    n = batch.frame.height
    place = pl.Series(rng.random(n)) * (text.str.len_chars() - 1).clip(lower_bound=0)
    at = place.cast(pl.Int64)
    head, letter, after = text.str.slice(0, at), text.str.slice(at, 1), text.str.slice(at + 1, 1)
    tail, rest = text.str.slice(at + 1), text.str.slice(at + 2)
    other = pl.Series(np.array(list("abcdefghijklmnopqrstuvwxyz"))[rng.integers(0, 26, n)])
    way = pl.Series(rng.integers(0, 4, n))
    slip = (
        pl.when(way == 0).then(head + after + letter + rest)
        .when(way == 1).then(head + tail)
        .when(way == 2).then(head + letter + letter + tail)
        .otherwise(head + other + tail)
    )  # fmt: skip
    return _rewritten(rng, batch, slip, column, 0.03, 0.4)


@fault("pattern")
def unknown_value(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A value that was never there."""
    column = one_of(rng, texts(batch.frame, 0.25))
    words = ["other", "NOT_SET", "tbd", "#REF!", "default-1", "unbekannt", "Z99", "-", "test", "New Kind", "0"]
    return _rewritten(rng, batch, pl.lit(str(rng.choice(words))), column, 0.03, 0.5)


@fault("pattern")
def several_unknown_values(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A code list was replaced: every value is told by a code."""
    column = one_of(rng, texts(batch.frame, 0.25))
    code = pl.lit(str(rng.choice(["C", "k-", "ID", "T_"]))) + (pl.col(column).hash(7) % 97).cast(pl.String)
    return _rewritten(rng, batch, code, column, 0.1, 1.0)


@fault("pattern")
def wrong_code_page(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Letters that came out of a wrong code page."""
    column = one_of(rng, texts(batch.frame))
    tables = (
        {"e": "Ã¨", "a": "Ã ", "o": "Ã´", "u": "Ã¼", "c": "Ã§"},
        {"a": "�", "e": "�", "i": "�", "s": "�"},
        {"i": "Ñ–", "e": "Ðµ", "o": "Ð¾", "r": "Ñ€", "n": "Ð½"},
        {"'": "â€™", " ": "Â ", "t": "Å¥", "d": "ÄŽ", "l": "Å‚"},
    )  # fmt: skip
    table = tables[int(rng.integers(len(tables)))]
    new = pl.col(column).str.replace_many(list(table), list(table.values()))
    return _rewritten(rng, batch, new, column, 0.06, 1.0)


@fault("pattern")
def other_case(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, texts(batch.frame))
    text = pl.col(column).str
    return _rewritten(rng, batch, [text.to_uppercase(), text.to_lowercase(), text.to_titlecase()][int(rng.integers(3))],
                      column, 0.06, 1.0)  # fmt: skip


@fault("pattern")
def padded(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, texts(batch.frame))
    before, after = [(" ", ""), ("", " "), ("  ", "  "), ("", "\t"), ("", "\r"), (" ", "")][int(rng.integers(6))]
    return _rewritten(rng, batch, pl.lit(before) + pl.col(column) + pl.lit(after), column, 0.06, 1.0)


@fault("pattern")
def wrapped(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A prefix, quotes or a unit around the value."""
    column = one_of(rng, texts(batch.frame))
    pairs = [('"', '"'), ("<p>", "</p>"), ("b'", "'"), ("X-", ""), ("", " (old)"), ("['", "']"), ("", ".0"), ("", ";")]
    before, after = pairs[int(rng.integers(len(pairs)))]
    return _rewritten(rng, batch, pl.lit(before) + pl.col(column) + pl.lit(after), column, 0.06, 1.0)


@fault("pattern")
def other_separators(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, texts(batch.frame))
    old = ["-", " ", ".", "/", "_", ":", "@", ","]
    new = [str(c) for c in rng.permutation(["", "|", "__", "~", " - ", "\\", "//", "+"])]
    return _rewritten(rng, batch, pl.col(column).str.replace_many(old, new), column, 0.08, 1.0)


@fault("pattern")
def cut_short(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A field became too small for its values."""
    column = one_of(rng, texts(batch.frame))
    usual = as_number(batch.frame[column].str.len_chars().median())
    kept = max(int(usual * rng.uniform(0.3, 0.7)), 1)
    return _rewritten(rng, batch, pl.col(column).str.slice(0, kept), column, 0.3, 1.0)


@fault("pattern")
def escaped(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Written for the web, or escaped twice."""
    column = one_of(rng, texts(batch.frame))
    tables = ({" ": "%20", "-": "%2D", "e": "%65", "@": "%40"}, {"a": "&#97;", " ": "&nbsp;", "e": "&#101;"},
              {"o": "\\u006f", "a": "\\u0061", "i": "\\u0069"})  # fmt: skip
    table = tables[int(rng.integers(len(tables)))]
    new = pl.col(column).str.replace_many(list(table), list(table.values()))
    return _rewritten(rng, batch, new, column, 0.06, 1.0)


@fault("pattern")
def look_alikes(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Digits read for letters, or letters for digits."""
    column = one_of(rng, texts(batch.frame))
    new = pl.col(column).str.replace_many(list("oOlISB015"), list("001158OlS"))
    return _rewritten(rng, batch, new, column, 0.08, 1.0)


@fault("pattern")
def another_program(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Several columns were written by another program: quoted, padded, in other letters or cut."""
    chosen = _several(rng, texts(batch.frame))
    frame, share = batch.frame, between(rng, 0.03, 1.0)
    for column in chosen:
        text = pl.col(column)
        ways = (pl.lit("'") + text + pl.lit("'"), text + pl.lit(" "), text.str.to_lowercase(), text.str.to_uppercase(),
                text.str.replace_all(r"[^\pL\pN]", ""), text + pl.lit(".0"), text.str.slice(1))  # fmt: skip
        frame = put(frame, column, some_rows(rng, frame, share), ways[int(rng.integers(len(ways)))])
    return with_frame(batch, frame, *chosen)


@fault("pattern")
def careless_entry(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """A few cells of one or more columns, each written in another way."""
    columns = texts(batch.frame)
    chosen = _several(rng, columns) if len(columns) > 1 and rng.random() < 0.6 else [one_of(rng, columns)]
    frame, share = batch.frame, between(rng, 0.02, 0.25)
    for column in chosen:
        text, way = pl.col(column), pl.Series(rng.integers(0, 5, frame.height))
        written = (
            pl.when(way == 0).then(text.str.to_lowercase())
            .when(way == 1).then(pl.lit(" ") + text + pl.lit(" "))
            .when(way == 2).then(text.str.replace_all(r"[^\pL\pN]", ""))
            .when(way == 3).then(text.str.slice(0, text.str.len_chars() - 2))
            .otherwise(text + pl.lit("?"))
        )  # fmt: skip
        frame = put(frame, column, some_rows(rng, frame, share), written)
    return with_frame(batch, frame, *chosen)


def _several(rng: Rng, columns: list[str]) -> list[str]:
    if len(columns) < 2:
        raise NothingToDamage
    return [str(c) for c in rng.permutation(columns)[: int(rng.integers(2, 5))]]


@fault("pattern")
def other_order(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Parts of a value in another order: "Last, First", day before month."""
    frame = batch.frame
    parts = r"^(\w+)([^\w]+)(\w.*)$"
    column = one_of(rng, [c for c in texts(frame) if as_number(frame[c].str.contains(parts).mean()) > 0.5])
    return _rewritten(rng, batch, pl.col(column).str.replace(parts, "${3}, ${1}"), column, 0.1, 1.0)


# ------------------------------------------------------------------------------------------------ types
def _as_text(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(pl.String))


@fault("type_mismatch")
def numbers_as_text(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, numbers(batch.frame))
    return with_frame(batch, _as_text(batch.frame, column), column)


@fault("type_mismatch")
def words_among_numbers(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, numbers(batch.frame))
    word = str(rng.choice(["none", "N.A.", "unknown", "#DIV/0!", "<5", "ca. 10", "null"]))
    rows = some_rows(rng, batch.frame, between(rng, 0.01, 0.5))
    return with_frame(batch, put(_as_text(batch.frame, column), column, rows, pl.lit(word)), column)


@fault("type_mismatch")
def numbers_with_a_unit(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, numbers(batch.frame))
    unit = str(rng.choice([" kg", " EUR", "%", " m", "$"]))
    frame = _as_text(batch.frame, column)
    return with_frame(batch, frame.with_columns(pl.col(column) + pl.lit(unit)), column)


@fault("type_mismatch")
def decimal_commas(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, [c for c in numbers(batch.frame) if batch.frame.schema[c].is_float()])
    frame = _as_text(batch.frame, column)
    return with_frame(batch, frame.with_columns(pl.col(column).str.replace(".", ",", literal=True)), column)


@fault("type_mismatch")
def times_as_text(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, times(batch.frame))
    written = str(rng.choice(["%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%Y-%m-%dT%H:%M:%S"]))
    return with_frame(batch, batch.frame.with_columns(pl.col(column).dt.to_string(written)), column)


@fault("type_mismatch")
def times_as_numbers(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    column = one_of(rng, times(batch.frame))
    return with_frame(batch, batch.frame.with_columns(pl.col(column).to_physical()), column)


@fault("type_mismatch")
def words_as_codes(rng: Rng, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """Values of a list, or true and false, told by their numbers."""
    column = one_of(rng, [*texts(batch.frame, 0.3), *batch.frame.select(cs.boolean()).columns])
    return with_frame(batch, batch.frame.with_columns(pl.col(column).rank("dense").cast(pl.Int64)), column)
