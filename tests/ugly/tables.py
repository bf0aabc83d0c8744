"""Ugly tables: names, what they hold, and how many records each has."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["TABLES", "Ugly", "wide"]


class Ugly(NamedTuple):
    """Bytes of a CSV file and the number of its data records (malformed ones count)."""

    data: bytes
    rows: int


def _lines(*lines: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


def _plain(rows: int = 60) -> list[str]:
    """A small clean table to put ugly things into."""
    draw = random.Random(1)
    cities = draw.choices(["Bern", "Oslo", "Lima"], k=rows)
    amounts = [draw.randint(100, 999) / 10 for _ in range(rows)]
    days = [f"2024-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}" for _ in range(rows)]
    body = zip(range(1000, 1000 + rows), cities, amounts, days, strict=True)
    return ["id,city,amount,day", *(",".join(map(str, record)) for record in body)]


def _with(*extra: str, rows: int = 60) -> Ugly:
    return Ugly(_lines(*_plain(rows), *extra), rows + len(extra))


def wide(rows: int, columns: int, seed: int = 2) -> bytes:
    """Numbers and short words in many columns."""
    draw = random.Random(seed)
    head = ",".join(f"c{n}" for n in range(columns))
    words = ["ab", "cd", "ef", ""]
    body = (
        ",".join(str(draw.randint(0, 99)) if n % 2 else draw.choice(words) for n in range(columns)) for _ in range(rows)
    )
    return _lines(head, *body)


def _mixed_encodings() -> Ugly:
    plain = _plain()
    utf8 = "2001,Zürich,12.5,2024-01-11\n".encode()
    latin = "2002,Zürich,13.5,2024-01-12\n".encode("latin-1")
    return Ugly(_lines(*plain) + (utf8 + latin) * 3, 66)


def _nul_bytes() -> Ugly:
    return Ugly(_lines(*_plain()) + b"2001,Be\x00rn,12.5,2024-01-11\n\x00\x00,\x00,\x00,\x00\n", 62)


def _big_cell(megabytes: int) -> Ugly:
    return Ugly(_lines(*_plain()) + b'2001,"' + b"long text, " * (90_000 * megabytes) + b'",12.5,2024-01-11\n', 61)


def _numbers() -> Ugly:
    values = ["NaN", "nan", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "1e-320", "-0.0", "9" * 400]
    values += ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "0x1F", "1_000", "१२"]
    body = [f"{n},{value},{value if n % 2 else n}" for n, value in enumerate(values * 4)]
    return Ugly(_lines("id,x,y", *body), len(body))


def _dates() -> Ugly:
    days = ["0001-01-01", "9999-12-31", "0000-00-00", "2024-02-30", "-0044-03-15", "10000-01-01", "1582-10-10"]
    body = [f"{n},{day},2024-05-0{1 + n % 9}" for n, day in enumerate([*days * 4, *["2024-06-07"] * 30])]
    return Ugly(_lines("id,day,other", *body), len(body))


def _scripts() -> Ugly:
    texts = [
        "=1+2",
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "<script>alert(1)</script>",
        "</table><img src=x onerror=alert(2)>",
        "{{ 7*7 }}",
        "[red]markup[/red]",
        "\x1b[31mred\x1b[0m",
        "javascript:alert(3)",
        "';DROP TABLE runs;--",
    ]
    body = [f'{n},"{text}",{text[:5].replace(",", "")}' for n, text in enumerate(texts * 3)]
    return Ugly(_lines("id,<script>alert(0)</script>,=cmd", *body), len(body))


def _emoji() -> Ugly:
    words = [
        "😀👩‍👩‍👧‍👦",
        "שלום עולם",
        "مرحبا",
        "\u202eevil\u202c",
        "e\u0301",
        "é",
        "𝔘𝔫𝔦",
        "\ufeffBOM",
        "\u200b",
        "ﬀ",
        "ß",
        "İ",
    ]
    body = [f"{n},{word},{word}{n}" for n, word in enumerate(words * 4)]
    return Ugly(_lines("🔑,اسم,שם", *body), len(body))


TABLES: dict[str, Callable[[], Ugly]] = {
    "header only": lambda: Ugly(b"a,b,c\n", 0),
    "header without line end": lambda: Ugly(b"a,b,c", 0),
    "one row": lambda: Ugly(b"a,b,c\n1,x,\n", 1),
    "one row without line end": lambda: Ugly(b"a,b,c\r\n1,x,2024-01-01", 1),
    "one column": lambda: Ugly(_lines("a", *(str(n % 7) for n in range(50)), "", "x"), 52),
    "one cell": lambda: Ugly(b"a\n1\n", 1),
    "all null": lambda: Ugly(_lines("a,b,c", *[",,"] * 40), 40),
    "null words": lambda: Ugly(_lines("a,b,c", *["N/A,NULL,-"] * 40), 40),
    "one constant": lambda: Ugly(_lines("a,b", *["7,same"] * 40), 40),
    "mixed encodings": _mixed_encodings,
    "NUL bytes": _nul_bytes,
    "unbalanced quotes": lambda: _with('2001,"Bern,12.5,2024-01-11', "2002,Oslo,13.5,2024-01-12"),
    "stray quotes": lambda: _with('2001,Be"rn,12.5,2024-01-11', '2002,"Oslo"x,13.5,2024-01-12'),
    "ragged rows": lambda: _with("2001", "2002,a,b,c,d,e,f", ",,,,,,,,"),
    "1 MB cell": lambda: _big_cell(1),
    "10 MB cell": lambda: _big_cell(10),
    "duplicate headers": lambda: Ugly(_lines("a,a,,a,a_2,", *["1,2,3,4,5,6"] * 30), 30),
    "NaN and infinity": _numbers,
    "year 1 and 9999": _dates,
    "emoji and right to left": _emoji,
    "formulas and scripts": _scripts,
    "UTF-16": lambda: Ugly("\ufeff".encode("utf-16-le") + "\n".join([*_plain(), ""]).encode("utf-16-le"), 60),
    "bytes that are no text": lambda: Ugly(b"a,b\n" + b"\xff\xfe\xfd,\x80\x81\n" * 30, 30),
    "old Mac line ends": lambda: Ugly(_lines(*_plain(), end="\r"), 60),
    "mixed line ends": lambda: Ugly(_lines(*_plain(), end="\r\n") + b"2001,Bern,1.5,2024-01-11\n", 61),
    "same row again and again": lambda: Ugly(_lines("a,b,c,d", *["1,x,2024-01-01,3.5"] * 200), 200),
    "thousands of digits": lambda: Ugly(_lines("a,b", *[f"{'1' * (n + 1)},{n}" for n in range(300)]), 300),
}
