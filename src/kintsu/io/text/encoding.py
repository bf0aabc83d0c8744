"""Encodings: which one a file has, and text of bytes that do not decode, without losing them."""

from __future__ import annotations

import codecs
import re
from typing import Final

from kintsu.core.errors import UsageError
from kintsu.io.text.dialect import LAYERED

__all__ = ["BOMS", "LOSSLESS", "canonical", "guess", "legible", "wide_without_bom"]

LOSSLESS: Final[str] = "kintsu-bytewise"
"""Error handler: each byte that does not decode becomes its Windows-1252 character, else its Latin-1 one.

That is what stray bytes of a mixed file nearly always are, and the original bytes stay in the file either way.
"""

BOMS: Final[tuple[tuple[bytes, str], ...]] = (  # the longer ones first: UTF-32-LE begins like UTF-16-LE
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_C1 = re.compile(rb"[\x80-\x9f]")


def _bytewise(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(_single(byte) for byte in bad), error.end


def _single(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


codecs.register_error(LOSSLESS, _bytewise)


def legible(data: bytes, encoding: str) -> str:
    """Text of `data`; bytes that do not decode are read one by one (see `LOSSLESS`)."""
    return data.decode(encoding, LOSSLESS)


def canonical(name: str) -> str:
    """Python's name of an encoding, byte order mark left out.

    Raises
    ------
    UsageError
        Unknown, or one in which delimiters cannot be found by their bytes (UTF-7, EBCDIC, ISO-2022).
    """
    try:
        found = codecs.lookup(name.strip()).name
    except LookupError:
        raise UsageError(f"unknown encoding {name!r}; try utf-8, cp1252, latin-1 or utf-16") from None
    found = {
        "utf-8-sig": "utf-8",
        "utf-16": "utf-16-le",
        "utf-32": "utf-32-le",
        "ascii": "utf-8",
        "iso8859-1": "latin-1",
    }.get(found, found)
    plain = "".join(map(chr, range(128)))
    stateful = found.startswith(("iso2022", "hz", "utf-7", "utf7"))
    try:
        transparent = not stateful and plain.encode(found) == plain.encode("ascii")
    except (UnicodeEncodeError, TypeError, LookupError):
        transparent = False
    if not transparent and found not in LAYERED:
        raise UsageError(f"encoding {name!r} is not supported for tables: convert the file to UTF-8 first")
    return found


def guess(samples: list[bytes]) -> str:
    """UTF-8 where the samples hold it or are plain ASCII, Windows-1252 or Latin-1 where they hold none of it.

    Mixed files are UTF-8: their stray bytes stand out as cells that do not decode.
    """
    whole = b"\n".join(samples)
    if whole.isascii():
        return "utf-8"
    stray = _MULTIBYTE.sub(b"", whole)
    if stray.isascii() or (len(stray) < len(whole) and _many_valid(whole)):
        return "utf-8"
    return "cp1252" if _C1.search(whole) else "latin-1"


def _many_valid(whole: bytes) -> bool:
    """Whether whole UTF-8 sequences are at least as frequent as bytes that cannot be one."""
    decoded = whole.decode("utf-8", "replace")
    stray = decoded.count("\ufffd")
    return sum(1 for sequence in _MULTIBYTE.finditer(whole) if _decodes(sequence.group())) >= stray


def _decodes(sequence: bytes) -> bool:
    try:
        sequence.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def wide_without_bom(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte is zero. None where it is not that."""
    sample = head[: len(head) // 2 * 2][:4096]
    if len(sample) < 4:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None
