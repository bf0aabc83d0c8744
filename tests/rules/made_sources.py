"""Made-up tables in which several sources report the same entities, with truth. Seeded; all text, null for empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.profile.build import reference_of
from kintsu.profile.reference import LocalReference

__all__ = ["SOURCE_TABLES", "catalogue", "reference", "reported", "stations", "two_events"]

Draw = Callable[[np.random.Generator, int], list[str]]


def reported(
    rng: np.random.Generator,
    entities: list[str],
    names: list[str],
    columns: dict[str, tuple[Draw, Sequence[float]]],
    *,
    coverage: float,
    missing: float,
    copies: dict[int, int] | None = None,
    keys: tuple[str, str] = ("entity", "source"),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The dirty table and the clean one.

    `columns`: name -> a draw of values, and the accuracy of each source. `copies`: source -> the one that it copies,
    errors included, in nine cells of ten.
    """
    n, k = len(entities), len(names)
    present = rng.random((n, k)) < coverage
    told: dict[str, np.ndarray] = {}
    truths: dict[str, np.ndarray] = {}
    for column, (draw, accuracy) in columns.items():
        truth = np.array(draw(rng, n), dtype=object)
        wrong = np.array(draw(rng, n * k), dtype=object).reshape(n, k)
        right = rng.random((n, k)) < np.asarray(accuracy)
        said = np.where(right, truth[:, None], wrong)
        for copier, origin in (copies or {}).items():
            take = rng.random(n) < 0.9
            said[take, copier] = said[take, origin]
        said[rng.random((n, k)) < missing] = None
        told[column], truths[column] = said, np.broadcast_to(truth[:, None], (n, k))
    e, s = np.nonzero(present)
    order = rng.permutation(len(e))
    e, s = e[order], s[order]
    head = {keys[0]: [entities[i] for i in e], keys[1]: [names[i] for i in s]}

    def frame(cells: dict[str, np.ndarray]) -> pl.DataFrame:
        return pl.DataFrame(head | {c: pl.Series(v[e, s].tolist(), dtype=pl.String) for c, v in cells.items()})

    return frame(told), frame(truths)


def catalogue(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """150 products in 9 shops: weights, release days, colours; two shops copy a bad one."""
    good, bad = [0.97, 0.95, 0.9, 0.93], [0.5, 0.7]
    accuracy = [*good, *bad, 0.45, 0.45, 0.45]
    return reported(
        rng,
        [f"SKU-{i * 7919 % 100_000:05d}" for i in range(150)],
        ["Nordwind", "Halle9", "Parcelo", "Tiefpreis", "Brix", "Ommo", "Quell", "Karo", "Zett"],
        {
            "weight_g": (lambda r, n: [f"{x:.1f}" for x in r.lognormal(5, 0.8, n)], accuracy),
            "released": (
                lambda r, n: (np.datetime64("2019-01-01") + r.integers(0, 1800, n)).astype(str).tolist(),
                [min(a + 0.05, 0.99) for a in accuracy],
            ),
            "model": (lambda r, n: [f"M{x}-{y}" for x, y in r.integers(10, 99, (n, 2))], accuracy[::-1]),
        },
        coverage=0.8,
        missing=0.15,
        copies={7: 6, 8: 6},
        keys=("sku", "shop"),
    )


def stations(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """70 stations by 22 guides: height, year of opening with day, architect; a family of seven copies one guide."""
    accuracy = [0.98, 0.95, 0.92, 0.9, 0.9, 0.85, 0.85, 0.8, 0.8, 0.75, 0.7, 0.7, 0.6, 0.6, 0.55] + [0.3] * 7
    syllables = np.array([c + v for c in "bdfgklmnprst" for v in "aeiou"])
    return reported(
        rng,
        [f"{a}{b}{c}".capitalize() for a, b, c in rng.choice(syllables, (70, 3))],
        [f"guide {a}" for a in rng.permutation(list("abcdefghijklmnopqrstuv"))],
        {
            "height": (lambda r, n: r.integers(0, 2500, n).astype(str).tolist(), accuracy),
            "opened": (
                lambda r, n: (np.datetime64("1850-01-01") + r.integers(0, 50_000, n)).astype(str).tolist(),
                accuracy,
            ),
            "architect": (
                lambda r, n: [f"{a}{b} {c}{d}".title() for a, b, c, d in r.choice(syllables, (n, 4))],
                [min(a + 0.1, 0.99) for a in accuracy],
            ),
        },
        coverage=0.75,
        missing=0.2,
        copies=dict.fromkeys(range(16, 22), 15),
        keys=("station", "guide"),
    )


def two_events(rng: np.random.Generator, entities: int = 90) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parcels as 16 carriers' sites report them: `left` is one event for nine sites and another for seven.

    Nobody can know from the table which of the two is meant; the clean table says the one of the seven.
    """
    names = [f"site {a}" for a in rng.permutation(list("abcdefghijklmnop"))]
    times = [f"{h:02d}:{m:02d}" for h in range(24) for m in range(60)]

    def draw(r: np.random.Generator, n: int) -> list[str]:
        return r.choice(times, n).tolist()

    sound = [0.97] * 14 + [0.6, 0.5]
    keys = [f"P{i * 7919 % 100_000:05d}" for i in range(entities)]
    dirty, clean = reported(
        rng, keys, names, {"planned": (draw, sound), "left": (draw, sound)}, coverage=0.8, missing=0.1
    )
    other = dict(zip(keys, draw(rng, entities)))
    family = pl.col("source").is_in(names[:9]) & pl.col("left").is_not_null()
    second = pl.col("entity").replace_strict(other)
    return dirty.with_columns(left=pl.when(family).then(second).otherwise("left")), clean


def reference(frame: pl.DataFrame) -> LocalReference:
    """Reference of a whole frame."""
    batch = Batch.of(frame)
    return reference_of(
        lambda columns=None: iter([Batch(TableRef("t"), frame.select(columns) if columns else frame, batch.row)]),
        TableRef("t"),
    )


SOURCE_TABLES = {"catalogue": catalogue, "stations": stations}
