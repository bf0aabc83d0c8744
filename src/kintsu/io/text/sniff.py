"""Find out how a text table is spelt, by how consistently each candidate splits a sample.

The standard library's sniffer guesses from character frequencies and fails on short or quoted text. Here each
candidate dialect reads the sample with the reader that will read the file, and wins by the share of records with
equally many fields, weighed by how much its cells look like single values.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import Final

import numpy as np

from kintsu.io.text.record import field_text
from kintsu.io.text.scan import UNCLOSED, scan

__all__ = ["looks_like_header", "modal_width", "sniff_decimal_comma", "sniff_delimiter", "sniff_quote", "split"]

# In the order of preference where scores tie: what is common first.
CANDIDATES: Final[dict[str, float]] = {
    ",": 1.0,
    "\t": 1.0,
    ";": 1.0,
    "|": 1.0,
    "\x1f": 1.0,
    "\x01": 1.0,
    "^": 0.9,
    "~": 0.9,
    ":": 0.6,  # stands in times and URLs
    " ": 0.4,  # stands in every text
}
PLAIN: Final = (",", "\t", ";", "|")
"""Those that part the names of a header even where the records below lack fields."""

MAX_RECORDS: Final[int] = 500  # enough to tell candidates apart, and quick for 2,000 columns

ANY_WIDTH: Final[int] = 1 << 30  # no record has so many fields: none is taken for the expected one

_NUMBER = re.compile(r"[+-]?[$€£]?\d[\d.,' ]*%?|[+-]?\d*[.,]?\d+([eE][+-]?\d+)?|nan|inf", re.IGNORECASE)
_POINT = re.compile(r"[+-]?\d{1,3}(,\d{3})*\.\d+|[+-]?\d+\.\d+")
_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d+,\d+")
_STAMP = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?")
_WORDS = re.compile(r"[^,;\t|]*")


def split(sample: bytes, delimiter: str, quote: str | None, encoding: str, limit: int) -> list[list[str | None]]:
    """The first records of a sample as texts, ragged ones too, blank lines left out."""
    mark = None if quote is None else ord(quote)
    width = modal_width(sample, delimiter, mark)
    records = scan(sample, width, ord(delimiter), mark, final=True)
    chosen = np.flatnonzero(records.why[:limit] != UNCLOSED)
    size = np.where(np.isin(chosen, list(records.loose)), 0, records.fields[chosen])
    column = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    left, right = records.spans(np.repeat(chosen, size), column)  # of all records at once: there are many short ones
    fields = zip(left.tolist(), right.tolist())
    rows = []
    for record, n in zip(chosen.tolist(), size.tolist()):
        spans = records.loose[record] if record in records.loose else islice(fields, n)
        rows.append([field_text(sample[start:stop], mark, encoding) for start, stop in spans])
    return rows


def modal_width(sample: bytes, delimiter: str, quote: int | None) -> int:
    """Most frequent number of fields, the larger one where two are equally frequent; at least 1."""
    records = scan(sample, ANY_WIDTH, ord(delimiter), quote, final=True)
    counts = records.fields[:MAX_RECORDS].tolist()
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0] if counts else 1


def _is_value(text: str | None) -> bool:
    """Whether a cell looks like one value rather than like several, or like the torn end of one."""
    if text is None or not text.strip():
        return True
    text = text.strip()
    return bool(_NUMBER.fullmatch(text) or _STAMP.fullmatch(text) or _WORDS.fullmatch(text))


def sniff_delimiter(sample: bytes, quote: str | None, encoding: str, suffix: str) -> str:
    """The delimiter; for a table of one column, one that stands nowhere in the sample."""
    best, best_score, parted = None, 0.0, 1  # into so many parts the best one splits the first record
    headed = (1, "")
    for candidate, weight in CANDIDATES.items():
        if candidate.encode() not in sample or candidate == quote:
            continue
        rows = split(sample, candidate, quote, encoding, MAX_RECORDS)
        score = weight * _score(rows)
        if candidate == "\t" and suffix.startswith((".tsv", ".tab")):
            score *= 1.5
        if score > best_score * 1.0001:
            best, best_score, parted = candidate, score, len(rows[0])
        if candidate in PLAIN and len(rows) > 1 and _names_all(rows) and len(rows[0]) > headed[0]:
            headed = (len(rows[0]), candidate)
    if headed[1] and parted == 1:  # most records are short, or the best one stands in texts and not in the header
        return headed[1]
    if best is not None:
        return best
    return next((c for c in (",", "\t", ";", "|", "\x1f", "\x01") if c.encode() not in sample), "\x1f")


def _score(rows: list[list[str | None]]) -> float:
    """In [0, 1]; 0 where this is no table of several columns."""
    widths = Counter(map(len, rows))
    if not widths:
        return 0.0
    width, n = max(widths.items(), key=lambda item: (item[1], item[0]))
    consistent = n / len(rows)
    # A header of two names alone says too little against "Smith, John": let it pass only where nothing contradicts.
    if width < 2 or (consistent < 0.6 and len(rows) > 2):
        return 0.0
    cells = [cell for row in rows[:100] if len(row) == width for cell in row[:200]]
    single = sum(map(_is_value, cells)) / len(cells)
    named = rows[0] if rows else []
    named_well = 1.0 if all(name and name.strip() for name in named) and len(set(named)) == len(named) else 0.9
    return consistent**2 * single * named_well * (1 - 0.3 / width)


def _names_all(rows: list[list[str | None]]) -> bool:
    """Whether the first record names at least as many columns as any other has, in single distinct words or phrases."""
    names = rows[0]
    plain = all(name and name == name.strip() and _WORDS.fullmatch(name) and not _is_number(name) for name in names)
    return plain and len(set(names)) == len(names) and max(map(len, rows)) <= len(names)


def sniff_quote(sample: bytes) -> str | None:
    """Double quotes, or single ones where those stand at the edges of fields and double ones do not."""
    edge = rb"(?:^|[,;\t|])%s[^%s\r\n]*%s(?=$|[,;\t|\r\n])"
    double = len(re.findall(edge % (b'"', b'"', b'"'), sample, re.MULTILINE))
    single = len(re.findall(edge % (b"'", b"'", b"'"), sample, re.MULTILINE))
    return "'" if single > 2 * double and single >= 2 else '"'


def _is_number(text: str | None) -> bool:
    return bool(text and _NUMBER.fullmatch(text.strip()))


def _is_year(text: str) -> bool:
    return text.strip().isdecimal() and 1800 <= int(text) <= 2200


def looks_like_header(rows: list[list[str | None]]) -> bool:
    """Whether the first record names columns. Yes unless it holds numbers where the records below hold numbers.

    Years over numbers (a pivoted table) and 0, 1, 2, ... (a frame without names) are names.
    """
    if len(rows) < 2:
        return True
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    numeric = [i for i in range(len(first)) if _mostly_numbers([row[i] for row in body])]
    if not numeric or [text or "" for text in first] == [str(i) for i in range(len(first))]:
        return True
    over = [first[i] for i in numeric]
    if any(text and not _is_number(text) for text in over):
        return True
    return not any(_is_number(text) and not _is_year(text or "") for text in over)


def _mostly_numbers(cells: list[str | None]) -> bool:
    filled = [cell for cell in cells if cell and cell.strip()]
    return bool(filled) and sum(map(_is_number, filled)) >= 0.8 * len(filled)


def sniff_decimal_comma(rows: list[list[str | None]]) -> bool:
    """Whether numbers are written 1,5: more cells say so than say 1.5."""
    cells = [cell.strip() for row in rows[1:] for cell in row if cell]
    commas = sum(1 for cell in cells if _COMMA.fullmatch(cell) and not _grouped(cell))
    points = sum(1 for cell in cells if _POINT.fullmatch(cell))
    return commas > points


def _grouped(cell: str) -> bool:
    """ "1,234" may be a whole number with a thousands separator: no evidence."""
    return bool(re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", cell))
