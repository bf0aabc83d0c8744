"""A made-up table of people and parcels, clean and damaged in known ways, for floors on value-level accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.profile.build import reference_of

Damage = Callable[[str, np.random.Generator], str]
Truth = dict[tuple[int, str], tuple[str, str | None]]  # (row, column) -> kind of damage, right value

CITIES = [
    *("Amsterdam", "Antwerpen", "Brussel", "Rotterdam", "Utrecht", "Eindhoven", "Groningen", "Maastricht", "Nijmegen"),
    *("Tilburg", "Haarlem", "Arnhem", "Leiden", "Delft", "Breda", "Zwolle", "Gent", "Brugge", "Leuven", "Mechelen"),
]
TEAMS = ["Inkoop", "Verkoop", "Administratie", "Magazijn", "Transport", "Klantenservice"]
STATES = ["onderweg", "bezorgd", "geweigerd", "vermist", "retour"]


def clean_table(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """One row a parcel: codes, dates with dots, decimals, categories and cities."""

    def pick(words: list[str], power: float) -> list[str]:
        weight = 1 / np.arange(1, len(words) + 1) ** power
        return [words[i] for i in rng.choice(len(words), rows, p=weight / weight.sum())]

    days = np.datetime64("2015-01-01") + rng.integers(0, 3000, rows)
    return pl.DataFrame(
        {
            "zending": [f"NL-{x:06d}-{'XYZ'[x % 3]}" for x in rng.integers(0, 999_999, rows)],
            "plaats": pick(CITIES, 0.7),
            "team": pick(TEAMS, 0.5),
            "toestand": pick(STATES, 1.2),
            "datum": [f"{str(d)[8:]}.{str(d)[5:7]}.{str(d)[:4]}" for d in days],
            "gewicht": [f"{x:.2f}" for x in rng.lognormal(1, 0.5, rows)],
            "stuks": [str(x) for x in rng.integers(1, 60, rows)],
        }
    )  # fmt: skip


def slip(text: str, rng: np.random.Generator) -> str:
    """One letter swapped with its neighbour, dropped or doubled; the first letter stays."""
    for _ in range(20):
        i, kind = int(rng.integers(1, len(text) - 1)), int(rng.integers(0, 3))
        new = (text[:i] + text[i + 1] + text[i] + text[i + 2 :], text[:i] + text[i + 1 :], text[: i + 1] + text[i:])[
            kind
        ]
        if new != text:
            return new
    return text[:-1]


@dataclass(frozen=True)
class Operation:
    """What is done to a share of the cells of a column; `lost` where the right answer is an empty cell."""

    name: str
    column: str
    share: float
    do: Damage
    lost: bool = False


OPERATIONS = (
    Operation("typo", "plaats", 0.02, slip),
    Operation("affix", "team", 0.15, lambda t, r: t + "_old"),
    Operation("mask", "toestand", 0.05, lambda t, r: t[:2] + "#" + t[3:5] + "#" + t[6:]),
    Operation("case", "plaats", 0.02, lambda t, r: t.upper()),
    Operation("blank", "team", 0.02, lambda t, r: " " + t + " "),
    Operation("mark", "zending", 0.02, lambda t, r: t.replace("-", "")),
    Operation("look-alike", "zending", 0.02, lambda t, r: t.replace("0", "O", 1)),
    Operation("date", "datum", 0.03, lambda t, r: f"{t[6:]}-{t[3:5]}-{t[:2]}"),
    Operation("unit", "gewicht", 0.03, lambda t, r: t + " kg"),
    Operation("comma", "gewicht", 0.03, lambda t, r: t.replace(".", ",")),
    Operation("null", "gewicht", 0.04, lambda t, r: ("n/a", "-", "unknown")[int(r.integers(0, 3))], lost=True),
    Operation("float", "stuks", 0.03, lambda t, r: t + ".0"),
)


def damaged(clean: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, Truth]:
    """The table with every operation applied, each to cells of its own, and the truth of every changed cell."""
    cells = {name: clean[name].to_list() for name in clean.columns}
    truth: Truth = {}
    for operation in OPERATIONS:
        column = cells[operation.column]
        for row in np.flatnonzero(rng.random(len(clean)) < operation.share).tolist():
            old = column[row]
            if (row, operation.column) in truth or old is None or len(old) < 2:
                continue
            new = operation.do(old, rng)
            if new != old:
                column[row] = new
                truth[(row, operation.column)] = (operation.name, None if operation.lost else old)
    return pl.DataFrame(cells, schema=clean.schema), truth


def reference_to(frame: pl.DataFrame):
    """A batch of the whole frame and its reference."""
    batch = Batch.of(frame)

    def scan(names: list[str] | None):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table)


def text_table(**columns: list[object]) -> pl.DataFrame:
    """A frame of text columns, as a CSV file reads."""
    return pl.DataFrame(
        {k: pl.Series(k, [None if x is None else str(x) for x in v], dtype=pl.String) for k, v in columns.items()}
    )
