"""Words for people: what each kind of finding is called, numbers and confidences as text."""

from __future__ import annotations

from typing import Final

__all__ = ["KIND_WORDS", "contrast", "count_of", "counted", "dimension_word", "noun", "percent", "shorten", "size_text"]

KIND_WORDS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("missing cell", "missing cells"),
    "disguised_missing": ("word that stands for missing", "words that stand for missing"),
    "type": ("value of the wrong type", "values of the wrong type"),
    "format": ("value in another format", "values in another format"),
    "unit": ("value in another unit", "values in another unit"),
    "domain": ("value outside the usual set", "values outside the usual set"),
    "typo": ("likely typo", "likely typos"),
    "range": ("value out of range", "values out of range"),
    "malformed": ("unreadable cell or record", "unreadable cells or records"),
    "outlier": ("outlier", "outliers"),
    "rare_category": ("rare category", "rare categories"),
    "text_anomaly": ("odd text", "odd texts"),
    "multivariate": ("unusual combination", "unusual combinations"),
    "contextual": ("value unusual for its row", "values unusual for their row"),
    "dependency": ("contradiction between columns", "contradictions between columns"),
    "arithmetic": ("sum that does not add up", "sums that do not add up"),
    "order": ("date or number in the wrong order", "dates or numbers in the wrong order"),
    "inclusion": ("reference to nothing", "references to nothing"),
    "glued": ("cell holding two values", "cells holding two values"),
    "duplicate": ("duplicate row", "duplicate rows"),
    "key": ("repeated key", "repeated keys"),
    "spike": ("spike", "spikes"),
    "step": ("sudden step", "sudden steps"),
}
"""Kind of a finding -> what one and what several are called."""


def count_of(n: int, kind: str) -> str:
    """How many of a kind, in words.

    >>> count_of(1, "typo"), count_of(2410, "typo")
    ('1 likely typo', '2,410 likely typos')
    """
    return f"{n:,} {noun(n, kind)}"


def noun(n: int, kind: str) -> str:
    """What `n` findings of a kind are called.

    >>> noun(2, "typo")
    'likely typos'
    """
    one, many = KIND_WORDS.get(kind, (kind.replace("_", " "), kind.replace("_", " ")))
    return one if n == 1 else many


def counted(n: int, word: str) -> str:
    """How many of something whose plural ends in s.

    >>> counted(1, "cell"), counted(2410, "edit")
    ('1 cell', '2,410 edits')
    """
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def dimension_word(name: str) -> str:
    """A dimension of quality as a heading.

    >>> dimension_word("overall")
    'Overall'
    """
    return name.replace("_", " ").capitalize()


def percent(share: float | None) -> str:
    """A probability as a percentage that never rounds up to certainty; empty where unknown.

    >>> percent(0.9), percent(0.9996), percent(None), percent(1.0)
    ('90 %', '99.9 %', '', '100 %')
    """
    if share is None:
        return ""
    if 0.995 <= share < 1:
        return f"{min(int(share * 1000) / 10, 99.9):g} %"
    return f"{share * 100:.0f} %"


def size_text(n: float) -> str:
    """Bytes for a person.

    >>> size_text(512), size_text(1_536_000)
    ('512 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"


_JOINERS: Final = "\u200c\u200d"  # unseen themselves; they shape Persian and Indic words and many emoji


def shorten(text: str, length: int = 80, *, told: bool = True) -> str:
    """Text cut to `length` characters, with its own length told where it was cut; control characters made visible.

    Blanks that are no plain ones (no-break, thin) would look like one, so they are written as ⍽.

    >>> shorten("a" * 10, 4), shorten("two\\nlines"), shorten("Paris\\u00a0")
    ('aaa… (10 characters)', 'two↵lines', 'Paris⍽')
    """
    head = text[: length + 1].replace("\r\n", "↵").replace("\n", "↵").replace("\r", "↵").replace("\t", "⇥")
    head = "".join(c if c.isprintable() or c in _JOINERS else "⍽" if c.isspace() else "�" for c in head)
    if len(text) <= length:
        return head
    return f"{head[: length - 1]}…" + (f" ({len(text):,} characters)" if told else "")


def contrast(old: str | None, new: str | None, length: int = 80) -> tuple[str | None, str | None]:
    """Two texts, long ones cut so that the part in which they differ is seen.

    >>> contrast("the first of many long words", "the first of mxny long words", 14)
    ('…t of many lo…', '…t of mxny lo…')
    >>> contrast(" a", None)
    ('␣a', None)
    """
    old, new = _edges(old), _edges(new)
    if old is None or new is None or max(len(old), len(new)) <= length or old == new:
        return (None if old is None else shorten(old, length)), (None if new is None else shorten(new, length))
    same = 0
    limit = min(len(old), len(new), 10_000)  # a difference later than this is not worth the search
    while same < limit and old[same] == new[same]:
        same += 1
    tail = 0
    while tail < limit - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    apart = max(len(old), len(new)) - same - tail
    start = max(same - max((length - apart) // 2, 3), 0)
    return _window(old, start, length), _window(new, start, length)


def _edges(text: str | None) -> str | None:
    """Blanks at the ends as ␣: they would not be seen."""
    if text is None or (text[:1] != " " and text[-1:] != " "):
        return text
    core = text.strip(" ")
    left = len(text) - len(text.lstrip(" "))
    return "␣" * left + core + "␣" * (len(text) - left - len(core))


def _window(text: str, start: int, length: int) -> str:
    """`length` characters of a text from `start`, with an ellipsis where something was cut."""
    room = length - (start > 0)
    rest = text[start:]
    cut = rest if len(rest) <= room else rest[: room - 1] + "…"
    return shorten(("…" if start else "") + cut, length + 1, told=False)
