"""How a text table is spelt: the facts that reading, writing and reopening need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Any, Final

from kintsu.core.errors import UsageError

__all__ = ["LAYERED", "Dialect", "line_hash"]

LAYERED: Final[frozenset[str]] = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
"""Encodings in which a comma is not the byte 0x2C: they are turned into UTF-8 before they are scanned, and back."""


@dataclass(frozen=True)
class Dialect:
    """Everything that decides how bytes become cells. Reopening with an equal dialect reads equal cells.

    Parameters
    ----------
    delimiter, quote
        One ASCII character each; `quote` None: quotes are ordinary characters.
    encoding
        Python's canonical name, without byte order mark.
    bom
        The file begins with a byte order mark (kept as it is).
    line_end
        The most frequent one; all of \\n, \\r\\n and \\r end a line when read.
    header
        The first record names the columns.
    width
        Fields that a well-formed record has.
    compression
        None, "gz" or "zst".
    torn
        Hashes of lines in which a quote opens that is never closed. What follows such a line decides that, and edits
        may change what follows; remembered, the same lines stay records of their own in every later state of the file.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"
    bom: bool = False
    line_end: str = "\n"
    header: bool = True
    width: int = 1
    decimal_comma: bool = False
    day_first: bool | None = None
    compression: str | None = None
    torn: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if value is None:
                continue
            if len(value) != 1 or not value.isascii() or value in "\r\n\0":
                raise UsageError(f"the {name} must be one ASCII character, not {value!r}")
        if self.delimiter == self.quote:
            raise UsageError(f"delimiter and quote are both {self.quote!r}: give another one")

    @property
    def inner(self) -> str:
        """Encoding of the bytes that are scanned: the file's own, or UTF-8 where it is layered."""
        return "utf-8" if self.encoding in LAYERED else self.encoding

    @property
    def delimiter_byte(self) -> int:
        return ord(self.delimiter)

    @property
    def quote_byte(self) -> int | None:
        return None if self.quote is None else ord(self.quote)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able facts."""
        return asdict(self) | {"torn": sorted(self.torn)}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Dialect:
        """The dialect that `to_dict` described; other keys are ignored."""
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in facts.items() if name in known}
        return cls(**given | {"torn": frozenset(given.get("torn", ()))})


def line_hash(line: bytes) -> str:
    """What `Dialect.torn` remembers of a line."""
    return blake2b(line, digest_size=8).hexdigest()
