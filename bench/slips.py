"""Ways to damage a cell, kept apart from the product: what people, keyboards, scanners, exports and spreadsheets do.

Nothing in `src` imports this file, so that the bench watches how well methods carry over to errors they do not know.
An operation takes the text and a random generator and returns the damaged text, the same text or None where it does
not apply; "" is an empty cell. `FIXED` operations are drawn once per column (a systematic mistake), so their maker
returns the function that damages every chosen cell alike. `ROW` operations need other cells: see `generality.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

__all__ = ["FIXED", "FREE", "ROW"]

Slip = Callable[[str, random.Random], str | None]
_ROWS = ["qwertzuiop", "asdfghjkl", "yxcvbnm", "1234567890"]
_NEAR: dict[str, str] = {}
for _row in _ROWS:
    for _i, _c in enumerate(_row):
        _NEAR[_c] = _row[max(_i - 1, 0) : _i] + _row[_i + 1 : _i + 2]


def _spot(text: str, rng: random.Random, wanted: str) -> int | None:
    places = [m.start() for m in re.finditer(wanted, text)]
    return rng.choice(places) if places else None


def _put(text: str, i: int, new: str, width: int = 1) -> str:
    return text[:i] + new + text[i + width :]


def neighbour_key(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"[A-Za-z]")
    if i is None:
        return None
    near = _NEAR.get(text[i].lower())
    new = rng.choice(near) if near else None
    return new and _put(text, i, new.upper() if text[i].isupper() else new)


def lost_letter(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"[^\W\d_]")
    return None if i is None or len(text) < 3 else _put(text, i, "")


def doubled_letter(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"[^\W\d_]")
    return None if i is None else _put(text, i, text[i] * 2)


def swapped_letters(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"[^\W\d_](?=[^\W\d_])")
    return None if i is None else _put(text, i, text[i + 1] + text[i], 2)


def truncated(text: str, rng: random.Random) -> str | None:
    return text[: rng.randint(max(2, len(text) // 2), len(text) - 1)] if len(text) >= 5 else None


def swapped_digits(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"\d(?=\d)")
    return None if i is None else _put(text, i, text[i + 1] + text[i], 2)


def doubled_digit(text: str, rng: random.Random) -> str | None:
    i = _spot(text, rng, r"\d")
    return None if i is None else _put(text, i, text[i] * 2)


def scanned(text: str, rng: random.Random) -> str | None:
    """One character read for another by a scanner."""
    alike = dict(zip("0O1lI5S8B2Z", "O0lIl5S8B8Z2", strict=False)) | {"5": "S", "S": "5", "B": "8", "8": "B", "1": "l"}
    i = _spot(text, rng, "[" + "".join(alike) + "]")
    return None if i is None else _put(text, i, alike[text[i]])


def other_case(text: str, rng: random.Random) -> str | None:
    new = rng.choice([text.upper(), text.lower(), text.swapcase()])
    return new if new != text else None


def no_accents(text: str, rng: random.Random) -> str | None:
    import unicodedata

    new = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return new if new != text else None


def mojibake(text: str, rng: random.Random) -> str | None:
    try:
        new = text.encode("utf-8").decode("cp1252")
    except UnicodeError:
        return None
    return new if new != text else None


def blanks(text: str, rng: random.Random) -> str | None:
    return rng.choice([text + " ", " " + text, text + "  ", text.replace(" ", "  ", 1)])


def day_month(text: str, rng: random.Random) -> str | None:
    """Day and month in the wrong order."""
    for pattern, order in ((r"^(\d{4})-(\d\d)-(\d\d)(.*)$", (0, 2, 1)), (r"^(\d\d)\.(\d\d)\.(\d{4})(.*)$", (1, 0, 2))):
        m = re.match(pattern, text)
        if m:
            sign = text[4] if order[0] == 0 else "."
            return sign.join(m.group(k + 1) for k in order) + m.group(4)
    return None


def ten_times(text: str, rng: random.Random) -> str | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", text) or float(text) == 0:
        return None
    number = float(text) * rng.choice([10, 100, 1000])
    return f"{number:.{len(text.partition('.')[2])}f}"


def other_sign(text: str, rng: random.Random) -> str | None:
    return (
        text.removeprefix("-") if text.startswith("-") else "-" + text if re.fullmatch(r"\d+(\.\d+)?", text) else None
    )


def lost(text: str, rng: random.Random) -> str | None:
    return ""


FREE: dict[str, Slip] = {
    f.__name__: f
    for f in (neighbour_key, lost_letter, doubled_letter, swapped_letters, truncated, swapped_digits, doubled_digit,
              scanned, other_case, no_accents, mojibake, blanks, day_month, ten_times, other_sign, lost)
}  # fmt: skip


def _number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def tail(rng: random.Random) -> Slip:
    mark = rng.choice([" (old)", "#", "\t", " - copy", "_x", " *", ";", " [1]", "~", " (tbc)"])
    return lambda text, _: text + mark


def head(rng: random.Random) -> Slip:
    mark = rng.choice(["'", "no. ", "#", "~", "ref:", "> ", "x_"])
    return lambda text, _: mark + text


def decimal_zero(rng: random.Random) -> Slip:
    return lambda text, _: text + ".0" if re.fullmatch(r"\d+", text) else None


def thousands(rng: random.Random) -> Slip:
    mark = rng.choice([",", " ", "'"])

    def slip(text: str, _: random.Random) -> str | None:
        if not _number(text) or abs(float(text)) < 1000:
            return None
        return f"{float(text):,.{len(text.partition('.')[2])}f}".replace(",", mark)

    return slip


def decimal_comma(rng: random.Random) -> Slip:
    return lambda text, _: text.replace(".", ",") if _number(text) and "." in text else None


def unit(rng: random.Random) -> Slip:
    mark = rng.choice([" kg", " EUR", "€", " pcs", " mm", "%", " USD"])
    return lambda text, _: text + mark if _number(text) else None


def currency(rng: random.Random) -> Slip:
    mark = rng.choice(["$", "€ ", "USD ", "£"])
    return lambda text, _: mark + text if _number(text) else None


def quoted(rng: random.Random) -> Slip:
    a, b = rng.choice([('"', '"'), ("'", "'"), ("«", "»"), ("(", ")"), ("", '"')])
    return lambda text, _: a + text + b


def wildcard(rng: random.Random) -> Slip:
    mark = rng.choice("*?x#_")

    def slip(text: str, r: random.Random) -> str | None:
        i = _spot(text, r, r"[^\W_]")
        return None if i is None or len(text) < 3 else _put(text, i, mark)

    return slip


def null_word(rng: random.Random) -> Slip:
    word = rng.choice(["N/A", "k.A.", "sin datos", "inconnu", "-", "unbekannt", "NULL", "?", "n.d.", "none", "99999"])
    return lambda text, _: word


def other_date(rng: random.Random) -> Slip:
    form = rng.choice(["{d}/{m}/{y}", "{d}.{m}.{y}", "{y}/{m}/{d}", "{y}{m}{d}", "{d}-{M}-{y}"])
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    def slip(text: str, _: random.Random) -> str | None:
        a, b = re.match(r"^(\d{4})-(\d\d)-(\d\d)$", text), re.match(r"^(\d\d)\.(\d\d)\.(\d{4})$", text)
        if not a and not b:
            return None
        y, m, d = a.groups() if a else b.groups()[::-1]  # type: ignore[union-attr]
        new = form.format(y=y, m=m, d=d, M=months[int(m) - 1])
        return new if new != text else f"{m}/{d}/{y}"

    return slip


def no_marks(rng: random.Random) -> Slip:
    """Dashes, points and blanks of a code left out."""
    return lambda text, _: re.sub(r"[-./]", "", text) if re.search(r"\w[-./]\w", text) and not _number(text) else None


FIXED: dict[str, Callable[[random.Random], Slip]] = {
    f.__name__: f
    for f in (tail, head, decimal_zero, thousands, decimal_comma, unit, currency, quoted, wildcard, null_word,
              other_date, no_marks)
}  # fmt: skip
ROW = ("other_value", "neighbour_column", "glued")
"""Another value of the column; the value of the column to the right; both values in one cell and the other empty."""
