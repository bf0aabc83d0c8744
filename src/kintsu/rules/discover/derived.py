"""Text columns put together from other columns: `state_code + "-" + number`, a name in lower case, an initial."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import contains
from typing import Final

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.rules.coding import filled_text, mended, mends, sampled_rows

__all__ = ["Derivation", "derivations"]

SCREEN_ROWS = 600
FIRST_LOOK = 40  # rows on which a part must fit half of the time before all are looked at
CONFIRM_ROWS = 20_000
MOST_COLUMNS = 30
LEAST_AGREEMENT = 0.3  # of texts put together: a third of the cells may be damaged in each of three columns
MOST_CHANCE = 0.05  # agreement of shuffled rows, as a share of that of the rows as they are
MOST_PARTS = 3

FORMS: Final[dict[str, tuple[Callable[[str], str], Callable[[pl.Expr], pl.Expr]]]] = {
    "": (lambda t: t, lambda e: e),
    "lower": (str.lower, lambda e: e.str.to_lowercase()),
    "upper": (str.upper, lambda e: e.str.to_uppercase()),
    "without blanks": (lambda t: t.replace(" ", ""), lambda e: e.str.replace_all(" ", "", literal=True)),
    "with underscores": (lambda t: t.replace(" ", "_"), lambda e: e.str.replace_all(" ", "_", literal=True)),
    "with hyphens": (lambda t: t.replace(" ", "-"), lambda e: e.str.replace_all(" ", "-", literal=True)),
    "lower with hyphens": (
        lambda t: t.lower().replace(" ", "-"),
        lambda e: e.str.to_lowercase().str.replace_all(" ", "-", literal=True),
    ),
    "digits": (lambda t: re.sub("[^0-9]", "", t), lambda e: e.str.replace_all("[^0-9]", "")),
    "first word": (lambda t: t.split(" ")[0], lambda e: e.str.split(" ").list.first()),
    "last word": (lambda t: t.split(" ")[-1], lambda e: e.str.split(" ").list.last()),
    "lower first word": (lambda t: t.split(" ")[0].lower(), lambda e: e.str.split(" ").list.first().str.to_lowercase()),
    "lower last word": (lambda t: t.split(" ")[-1].lower(), lambda e: e.str.split(" ").list.last().str.to_lowercase()),
    "first 1": (lambda t: t[:1], lambda e: e.str.head(1)),
    "lower first 1": (lambda t: t[:1].lower(), lambda e: e.str.head(1).str.to_lowercase()),
    "first 2": (lambda t: t[:2], lambda e: e.str.head(2)),
    "upper first 2": (lambda t: t[:2].upper(), lambda e: e.str.head(2).str.to_uppercase()),
    "first 3": (lambda t: t[:3], lambda e: e.str.head(3)),
    "upper first 3": (lambda t: t[:3].upper(), lambda e: e.str.head(3).str.to_uppercase()),
    "first 4": (lambda t: t[:4], lambda e: e.str.head(4)),
    "last 2": (lambda t: t[-2:], lambda e: e.str.tail(2)),
    "last 4": (lambda t: t[-4:], lambda e: e.str.tail(4)),
}
"""How a part may be changed before it is put in: name -> (for one text, for a column)."""

_NEVER: Final = "\0\0"  # in no text: fixed texts are parted by one NUL and are not empty
_SHORT: Final = frozenset(name for name in FORMS if name[-1:].isdigit())


@dataclass(frozen=True)
class Derivation:
    """`column` is the text of `pieces` one after the other.

    A piece is (column, form) for a changed column (form: a key of `FORMS`), or ("", text) for a fixed text. `agreement`
    is the share of rows with all parts that obey, in [0, 1]; `exceptions` the share of rows that no error of one cell
    explains, of those without such an error.
    """

    column: str
    pieces: tuple[tuple[str, str], ...]
    agreement: float
    support: int
    exceptions: float = 0.0

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.pieces if name)

    @property
    def text(self) -> str:
        said = [(f"{name} ({form})" if form else name) if name else repr(form) for name, form in self.pieces]
        return f"{self.column} = {' + '.join(said)}"

    def expected(self) -> pl.Expr:
        """The derived text; null where a part is null."""
        return pl.concat_str([FORMS[form][1](pl.col(name)) if name else pl.lit(form) for name, form in self.pieces])

    def parse(self, part: str) -> str | None:
        """A regular expression whose group is the text of one whole part in the column; None where it was cut."""
        if dict(self.pieces).get(part, "x") != "":
            return None
        said = ["(.+)" if name == part else (".+" if name else re.escape(form)) for name, form in self.pieces]
        return f"^{''.join(said)}$"


def derivations(reference: Reference) -> list[Derivation]:
    """Derivations of the table; see `_derivations`. Learned once per reference."""
    return remembered(reference, "derivations", lambda: _derivations(reference))


def _derivations(reference: Reference) -> list[Derivation]:
    """The strongest derivation of every text column that has one.

    Templates are read off a few hundred rows (each part replaced by a mark; the commonest template wins) and confirmed
    on more. A part must do more than fit by chance, and copies of a whole column must agree nearly always.
    """
    sample = sampled_rows(reference.sample, CONFIRM_ROWS, reference.seed)
    names = _usable(reference)
    if len(names) < 2 or len(sample) < 20:
        return []
    texts = pl.DataFrame({name: mended(filled_text(sample[name]), mends(reference, name)) for name in names})
    few = texts[sample.frame.hash_rows(reference.seed).arg_sort().head(SCREEN_ROWS)]
    forms = _Forms({name: few[name].to_list() for name in names})
    found = []
    for target in names:
        template = _template(target, forms)
        if template is not None:
            confirmed = _confirmed(target, template, texts)
            if confirmed is not None:
                found.append(confirmed)
    return _without_circles(sorted(found, key=lambda d: (-len(d.parts), -d.agreement, d.column)))


def _usable(reference: Reference) -> list[str]:
    def is_usable(name: str) -> bool:
        facts = reference.column(name)
        return facts.distinct >= 2 and not facts.is_free_text and facts.nulls < facts.rows

    return [name for name in reference.columns if is_usable(name)][:MOST_COLUMNS]


def _template(target: str, forms: _Forms) -> tuple[tuple[str, str], ...] | None:
    """The commonest way to write the target with other columns; None where there is none."""
    pieces: Pieces = [[("", t)] if t else None for t in forms.lists[target]]
    used = 0
    for _ in range(MOST_PARTS):
        best = _best_part(pieces, forms, target, used)
        if best is None:
            break
        pieces = [_cut(p, v, best[0], best[1]) for p, v in zip(pieces, forms.lists[best[0]])]
        used += 1
    if used:
        pieces = _refined(pieces, forms, target)
    counted: dict[tuple[tuple[str, str], ...], int] = {}
    for p in pieces:
        if p is not None and any(name for name, _ in p):
            counted[tuple(p)] = counted.get(tuple(p), 0) + 1
    if not counted:
        return None
    template, n = max(counted.items(), key=lambda item: (item[1], item[0]))
    return template if n >= LEAST_AGREEMENT * sum(p is not None for p in pieces) and n >= 10 else None


Pieces = list[list[tuple[str, str]] | None]


class _Forms:
    """The cells of every column in every form, made on first use; `_NEVER` stands for an empty one."""

    def __init__(self, lists: dict[str, list[str | None]]) -> None:
        self.lists = lists
        self._looks: dict[tuple[str, str], list[str]] = {}
        self._wholes: dict[tuple[str, str], tuple[list[str], int]] = {}
        self.filled = {name: sum(v is not None for v in values) for name, values in lists.items()}

    def look(self, name: str, form: str) -> list[str]:
        """The first few cells."""
        if (name, form) not in self._looks:
            self._looks[name, form] = self._changed(name, form, FIRST_LOOK)
        return self._looks[name, form]

    def whole(self, name: str, form: str) -> tuple[list[str], int]:
        """All cells, and their length."""
        if (name, form) not in self._wholes:
            changed = self._changed(name, form, None)
            self._wholes[name, form] = changed, sum(len(text) for text in changed if text is not _NEVER)
        return self._wholes[name, form]

    def _changed(self, name: str, form: str, most: int | None) -> list[str]:
        change = FORMS[form][0]
        return [(change(v) or _NEVER) if v else _NEVER for v in self.lists[name][:most]]


def _best_part(pieces: Pieces, forms: _Forms, target: str, used: int) -> tuple[str, str] | None:
    """The column and form that explain most of the rows' fixed text, clearly more than another row's values do."""
    rows = sum(p is not None for p in pieces)
    first = sum(p is not None for p in pieces[:FIRST_LOOK])
    fixed = _fixed(pieces)
    glance = fixed[:FIRST_LOOK]
    best: tuple[float, str, str] | None = None
    for name in forms.lists:
        if name == target:
            continue
        for form in FORMS:
            if form in _SHORT and not used:
                continue  # a short piece says something only beside a long one
            if _hits(glance, forms.look(name, form)) < LEAST_AGREEMENT * first:
                continue
            changed, length = forms.whole(name, form)
            hits = _hits(fixed, changed)
            plain = 1.0 if not form else 0.97  # of two that fit alike the unchanged column
            covered = plain * hits * length / max(forms.filled[name], 1)
            if hits < 0.4 * rows or (best is not None and covered <= best[0]):
                continue  # the part that explains most of the text, not the one that fits most rows
            by_chance = _hits(fixed, changed[7:] + changed[:7])
            if by_chance <= (0.5 if hits >= 0.75 * rows else 0.2) * hits:
                best = (covered, name, form)
    return best[1:] if best else None


def _fixed(pieces: Pieces) -> list[str]:
    """The fixed texts of every row in one, NULs between them."""
    return ["" if p is None else "\0".join([text for name, text in p if not name]) for p in pieces]


def _hits(fixed: list[str], changed: list[str]) -> int:
    """Rows whose fixed text holds the changed cell of the same row."""
    return sum(map(contains, fixed, changed))


def _fitting(pieces: Pieces) -> list[bool]:
    """Rows that are put together in the commonest way."""
    counted: dict[tuple[tuple[str, str], ...], int] = {}
    for p in pieces:
        if p is not None:
            counted[tuple(p)] = counted.get(tuple(p), 0) + 1
    best = max(counted, key=lambda key: (counted[key], key), default=None)
    return [p is not None and tuple(p) == best for p in pieces]


def _refined(pieces: Pieces, forms: _Forms, target: str) -> Pieces:
    """Fixed text that is really a nearly constant column.

    Putting the column in must make rows fit that did not, far more of them than another row's values would, and hardly
    any row unfit (its own errors do that).
    """
    before, glance = _fitting(pieces), _fixed(pieces[:FIRST_LOOK])
    for name, values in forms.lists.items():
        for form in ("", "lower", "upper"):
            if name == target or _hits(glance, forms.look(name, form)) < FIRST_LOOK / 2:
                continue
            cut = [_cut(p, v, name, form) for p, v in zip(pieces, values)]
            after = _fitting(cut)
            by_chance = _fitting([_cut(p, v, name, form) for p, v in zip(pieces, values[7:] + values[:7])])
            gained = sum(a and not b for a, b in zip(after, before))
            lost = sum(b and not a for a, b in zip(after, before))
            lucky = sum(a and not b for a, b in zip(by_chance, before))
            if gained >= max(3, 5 * lucky) and lost <= 0.1 * len(pieces):
                return cut
    return pieces


def _cut(p: list[tuple[str, str]] | None, value: str | None, name: str, form: str) -> list[tuple[str, str]] | None:
    """The pieces with the first occurrence of the value in a fixed text replaced by a mark for the column."""
    if p is None or not value or not (changed := FORMS[form][0](value)):
        return p
    result, done = [], False
    for owner, text in p:
        if owner or done or changed not in text:
            result.append((owner, text))
            continue
        before, _, after = text.partition(changed)
        result += [piece for piece in (("", before), (name, form), ("", after)) if piece[0] or piece[1]]
        done = True
    return result


def _confirmed(target: str, template: tuple[tuple[str, str], ...], texts: pl.DataFrame) -> Derivation | None:
    draft = Derivation(target, template, 0.0, 0)
    judged = texts.select(expected=draft.expected(), found=target).drop_nulls()
    n = len(judged)
    if n < 20:
        return None
    agreement = float((judged["expected"] == judged["found"]).mean() or 0)  # type: ignore[arg-type]
    shuffled = pl.concat([judged["found"].slice(n // 3), judged["found"].head(n // 3)])
    chance = float((judged["expected"] == shuffled).mean() or 0)  # type: ignore[arg-type]
    # a whole column copied or cut: only where nearly all rows agree, else two columns just resemble each other
    least = LEAST_AGREEMENT if len(draft.parts) > 1 and chance <= MOST_CHANCE * agreement else 0.8
    least = least if len(draft.parts) > 1 else 0.95
    is_varied = judged["expected"].n_unique() >= 3
    return Derivation(target, template, agreement, n) if agreement >= least and is_varied else None


def _without_circles(found: list[Derivation]) -> list[Derivation]:
    """Of two columns that follow from each other one is derived: that with more parts, then that which fits better."""
    kept: list[Derivation] = []
    for d in found:
        if not any(d.column in other.parts and other.column in d.parts for other in kept):
            kept.append(d)
    return kept
