"""Records and fields of a block of bytes, by offsets, without looking at one byte in Python.

Quotes are resolved by parity: a delimiter or line end counts where an even number of quotes stands before it. That is
right exactly where every quote is at the edge of its field or doubled, which is checked on the quotes alone. A block
that fails the check is decided line by line, and only its doubtful lines one by one (see `record.parse_record`), so
that a stray quote costs its own line and not the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.io.text.dialect import line_hash
from kintsu.io.text.record import MAX_RECORD, parse_record

__all__ = ["FIELDS", "FINE", "NUL", "UNCLOSED", "Records", "scan", "spans_of"]

Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

FINE: Final[int] = 0
FIELDS: Final[int] = 1  # too few or too many
UNCLOSED: Final[int] = 2  # a quote that is never closed
NUL: Final[int] = 3  # a zero byte

_LF, _CR = 10, 13


@dataclass(frozen=True)
class Records:
    """Offsets of the records of one block, all in file order.

    A record's extent is [begin, after): the blank lines before it, its content [start, stop), its line end. So extents
    touch, and dropping or putting back one is cutting or pasting its extent.
    """

    start: Int64s
    stop: Int64s
    after: Int64s
    why: npt.NDArray[np.uint8]  # FINE or the reason why it is malformed
    fields: Int64s  # number of fields
    separators: Int64s  # delimiters that separate fields, ascending; those of `loose` records are not usable
    loose: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # record -> fields found one by one
    consumed: int = 0  # bytes that belong to these records; what follows needs more data

    def __len__(self) -> int:
        return len(self.start)

    @property
    def begin(self) -> Int64s:
        return np.concatenate([np.zeros(min(len(self), 1), np.int64), self.after[:-1]])

    def spans(self, records: Int64s, columns: Int64s) -> tuple[Int64s, Int64s]:
        """Start and end of the fields (records[i], columns[i]) of well-formed records, quotes included."""
        start, stop = self.start[records], self.stop[records]
        first = np.searchsorted(self.separators, start)
        bounded = np.append(self.separators, 0)
        last = len(bounded) - 1
        left = bounded[np.minimum(np.maximum(first + columns - 1, 0), last)] + 1
        right = bounded[np.minimum(first + columns, last)]
        left = np.where(columns == 0, start, left)
        right = np.where(columns == self.fields[records] - 1, stop, right)
        for at in np.flatnonzero(np.isin(records, list(self.loose))) if self.loose else ():
            left[at], right[at] = self.loose[int(records[at])][int(columns[at])]
        return left, right


@dataclass
class _Lines:
    """Physical lines; while scanning also the records that they become."""

    start: Int64s
    stop: Int64s
    after: Int64s

    def __len__(self) -> int:
        return len(self.start)

    def where(self, keep: Flags) -> _Lines:
        """Lines that end at the kept line ends: what lies between is joined."""
        after = self.after[keep]
        start = np.concatenate([self.start[:1], after[:-1]]) if len(after) else after
        return _Lines(start, self.stop[keep], after)


def _lines(data: bytes, a: Bytes, *, final: bool) -> _Lines:
    """All lines that are complete; with `final` also an unterminated last one."""
    if b"\r" not in data:
        stop = np.flatnonzero(a == _LF)
        after = stop + 1
    else:
        cr, lf = a == _CR, a == _LF
        lf[1:] &= ~cr[:-1]
        stop = np.flatnonzero(cr | lf)
        pair = (a[stop] == _CR) & (a[np.minimum(stop + 1, len(a) - 1)] == _LF) & (stop + 1 < len(a))
        after = stop + 1 + pair
        if not final and len(stop) and stop[-1] == len(a) - 1 and a[-1] == _CR:  # its \n may follow in the next block
            stop, after = stop[:-1], after[:-1]
    start = np.concatenate([np.zeros(1, np.int64), after])
    if final and start[-1] < len(a):
        stop, after = np.append(stop, len(a)), np.append(after, len(a))
    return _Lines(start[: len(stop)], stop, after)


def _per_record(positions: Int64s, lines: _Lines) -> Int64s:
    """How many of the ascending positions lie in each record."""
    return np.searchsorted(positions, lines.stop) - np.searchsorted(positions, lines.start)


def scan(
    data: bytes,
    width: int,
    delimiter: int,
    quote: int | None,
    *,
    final: bool,
    torn: frozenset[str] = frozenset(),
) -> Records:
    """Records of `data`, which begins at the start of a record.

    A blank line is a record in a one-column table only. With `final` the data end the file; without it, the last
    record is left to the next block unless its end is certain. `torn`: see `Dialect.torn`.
    """
    a = np.frombuffer(data, np.uint8)
    lines = _lines(data, a, final=final)
    separators = np.flatnonzero(a == delimiter)
    loose: dict[int, list[tuple[int, int]]] = {}
    why = None
    if quote is not None and bytes([quote]) in data:
        quotes = np.flatnonzero(a == quote)
        whole = None if torn else _by_parity(a, lines, quotes, separators, delimiter, width)
        if whole is None:
            lines, separators, why, counts, loose = _by_line(
                data, a, lines, quotes, separators, width, delimiter, quote, torn, final=final
            )
        else:
            lines, separators = whole
            counts = _per_record(separators, lines) + 1
    elif _is_grid(lines, separators, width):
        counts = np.full(len(lines), width, np.int64)
    else:
        counts = _per_record(separators, lines) + 1
    if why is None:
        why = np.zeros(len(lines), np.uint8)
    why[(why == FINE) & (counts != width)] = FIELDS
    return _finished(data, a, lines, separators, why, counts, loose, width, final=final)


def _is_grid(lines: _Lines, separators: Int64s, width: int) -> bool:
    """Whether every line has exactly `width` fields, by one comparison per line."""
    if width < 2 or len(separators) < len(lines) * (width - 1) or not len(lines):
        return False
    grid = separators[: len(lines) * (width - 1)].reshape(len(lines), width - 1)
    rest = separators[len(lines) * (width - 1) :]
    inside = bool((grid[:, 0] >= lines.start).all() and (grid[:, -1] < lines.stop).all())
    return inside and (not len(rest) or bool(rest[0] >= lines.after[-1]))


def _by_parity(
    a: Bytes, lines: _Lines, quotes: Int64s, separators: Int64s, delimiter: int, width: int
) -> tuple[_Lines, Int64s] | None:
    """Records and separators by the parity of quotes; None where a quote stands in the middle of a field."""
    even = np.searchsorted(quotes, lines.stop) % 2 == 0
    kept = lines.where(even)
    limit = kept.after[-1] if len(kept) else 0
    quotes = quotes[: np.searchsorted(quotes, limit)]
    opening, closing = quotes[::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]
    before = a[np.maximum(opening - 1, 0)]
    opens = (before == delimiter) | (before == _LF) | (before == _CR) | (opening == 0)
    opens[1:] |= doubled
    following = a[np.minimum(closing + 1, len(a) - 1)]
    closes = (following == delimiter) | (following == _LF) | (following == _CR) | (closing + 1 == len(a))
    closes[:-1] |= doubled
    if not (opens.all() and closes.all()):
        return None
    outside = np.searchsorted(quotes, separators) % 2 == 0
    separators = separators[outside & (separators < limit)]
    if len(kept) < len(lines):  # records of several lines whose count is wrong need a closer look
        several = np.searchsorted(lines.stop, kept.stop) - np.searchsorted(lines.start, kept.start) > 0
        if (several & (_per_record(separators, kept) + 1 != width)).any():
            return None
        if len(kept) == 0 or (len(a) - limit) > MAX_RECORD:
            return None
        if not even[-1] and lines.after[-1] == len(a):  # open at the end: the caller may have reached the file's end
            return None
    return kept, separators


def _by_line(
    data: bytes,
    a: Bytes,
    lines: _Lines,
    quotes: Int64s,
    separators: Int64s,
    width: int,
    delimiter: int,
    quote: int,
    torn: frozenset[str],
    *,
    final: bool,
) -> tuple[_Lines, Int64s, npt.NDArray[np.uint8], Int64s, dict[int, list[tuple[int, int]]]]:
    """As `_by_parity`, with the parity of each line for itself; doubtful lines are read one by one."""
    limit = lines.after[-1] if len(lines) else 0
    quotes = quotes[: np.searchsorted(quotes, limit)]
    separators = separators[: np.searchsorted(separators, limit)]
    line = np.searchsorted(lines.stop, quotes, side="right")
    first = np.searchsorted(quotes, lines.start)
    rank = np.arange(len(quotes)) - first[line]
    opening = rank % 2 == 0
    touching = np.zeros(len(quotes), bool)  # touches the quote before it, in the same line
    touching[1:] = (np.diff(quotes) == 1) & (rank[1:] > 0)
    opens = (quotes == lines.start[line]) | (a[np.maximum(quotes - 1, 0)] == delimiter) | touching
    closes = (quotes + 1 == lines.stop[line]) | (a[np.minimum(quotes + 1, len(a) - 1)] == delimiter)
    closes[:-1] |= touching[1:]
    doubtful = np.zeros(len(lines), bool)
    doubtful[line[~np.where(opening, opens, closes)]] = True
    doubtful |= (np.searchsorted(quotes, lines.stop) - first) % 2 == 1
    owner = np.searchsorted(lines.stop, separators, side="right")
    separators = separators[(np.searchsorted(quotes, separators) - first[owner]) % 2 == 0]
    counts = _per_record(separators, lines) + 1
    regular = ~doubtful & (counts == width)

    why = np.zeros(len(lines), np.uint8)
    keep = np.ones(len(lines), bool)
    stop, after = lines.stop.copy(), lines.after.copy()
    found: dict[int, list[tuple[int, int]]] = {}
    free, end = 0, len(lines)
    for i in np.flatnonzero(doubtful).tolist():
        if i < free:
            continue
        start = int(lines.start[i])
        if torn and line_hash(data[start : lines.stop[i]]) in torn:
            why[i] = UNCLOSED
            continue
        record = parse_record(data, start, delimiter, quote)
        j = int(np.searchsorted(lines.stop, record.stop))
        if not final and (j >= len(lines) or not record.closed) and len(data) - start < MAX_RECORD:
            end = i
            break
        counts[i] = len(record.spans)
        odd = not record.strict or (len(record.spans) != width and regular[i + 1 : j + 1].any())
        if not record.closed or (j > i and odd):
            why[i] = UNCLOSED
            continue
        found[i] = record.spans
        free, keep[i + 1 : j + 1] = j + 1, False
        stop[i], after[i] = lines.stop[j], lines.after[j]
    keep[end:] = False
    place = np.cumsum(keep) - 1
    merged = _Lines(lines.start[keep], stop[keep], after[keep])
    loose = {int(place[i]): spans for i, spans in found.items()}
    return merged, separators, why[keep], counts[keep], loose


def _finished(
    data: bytes,
    a: Bytes,
    lines: _Lines,
    separators: Int64s,
    why: npt.NDArray[np.uint8],
    counts: Int64s,
    loose: dict[int, list[tuple[int, int]]],
    width: int,
    *,
    final: bool,
) -> Records:
    """Mark records with zero bytes, leave out blank lines, and say how far the block was used."""
    if b"\0" in data:
        zeros = np.flatnonzero(a == 0)
        held = np.searchsorted(lines.stop, zeros, side="right")
        why[held[held < len(lines)]] = NUL
    consumed = len(data) if final else (int(lines.after[-1]) if len(lines) else 0)
    blank = lines.start == lines.stop
    if width > 1 and blank.any():
        keep = ~blank
        if loose:
            place = np.cumsum(keep) - 1
            loose = {int(place[i]): spans for i, spans in loose.items()}
        lines = _Lines(lines.start[keep], lines.stop[keep], lines.after[keep])
        why, counts = why[keep], counts[keep]
        if len(lines) and not final:  # blank lines belong to the record that follows them
            consumed = int(lines.after[-1])
        elif not final and len(data) < MAX_RECORD:
            consumed = 0
    return Records(lines.start, lines.stop, lines.after, why, counts, separators, loose, consumed)


def spans_of(records: Records, index: int) -> Iterator[tuple[int, int]]:
    """Fields of one well-formed record, quotes included."""
    columns = np.arange(records.fields[index])
    left, right = records.spans(np.full(len(columns), index), columns)
    return zip(left.tolist(), right.tolist(), strict=True)
