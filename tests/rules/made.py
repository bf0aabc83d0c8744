"""Made-up tables of three domains with known errors, for floors on accuracy. Seeded; all text, null for empty."""

from __future__ import annotations

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.profile.build import reference_of
from kintsu.profile.reference import LocalReference

__all__ = ["TABLES", "batches", "broken", "invoices", "reference", "seller_reports", "sensors", "staff"]

TRUTH = {"row": pl.Int64, "column": pl.String, "kind": pl.String, "original": pl.String}
SYLLABLES = np.array([c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"])


def names(rng: np.random.Generator, n: int, parts: int = 3) -> np.ndarray:
    """n distinct capitalised made-up words."""
    found: dict[str, None] = {}
    while len(found) < n:
        found.setdefault("".join(rng.choice(SYLLABLES, parts)).capitalize())
    return np.array(list(found))


def staff(rng: np.random.Generator, rows: int = 3000) -> pl.DataFrame:
    """Shifts of employees: employee -> name, department; department -> manager, site; site -> country."""
    employees, departments, sites = rows // 9, 24, 9
    country = rng.choice(["DE", "FR", "PL", "ES"], sites)
    site_of = rng.integers(0, sites, departments)
    department_of = rng.integers(0, departments, employees)
    first, last = names(rng, 60, 2), names(rng, 200, 3)
    e = (employees * rng.random(rows) ** 1.5).astype(int)
    d = department_of[e]
    who = np.char.add(np.char.add(first[rng.integers(0, 60, employees)], " "), last[rng.integers(0, 200, employees)])
    start = np.datetime64("2024-01-01T06:00") + rng.integers(0, 500_000, rows).astype("timedelta64[m]")
    hours = rng.integers(3, 11, rows)
    return pl.DataFrame(
        {
            "employee": np.char.add("E", np.char.zfill((e + 100).astype(str), 5)),
            "name": who[e],
            "department": names(rng, departments, 2)[d],
            "manager": names(rng, departments, 3)[d],
            "site": names(rng, sites, 2)[site_of[d]],
            "country": country[site_of[d]],
            "grade": rng.choice(["A", "B", "C", "D"], rows, p=[0.5, 0.3, 0.15, 0.05]),
            "start": start.astype("datetime64[m]").astype(str),
            "end": (start + (hours * 60).astype("timedelta64[m]")).astype("datetime64[m]").astype(str),
            "hours": hours.astype(str),
        }
    )


def invoices(rng: np.random.Generator, rows: int = 3000) -> pl.DataFrame:
    """Invoices: vendor -> name, country, currency; net = quantity x price, vat = net x rate, gross = net + vat."""
    vendors = rows // 12
    v = (vendors * rng.random(rows) ** 1.3).astype(int)
    country = rng.choice(["Germany", "France", "Poland", "Sweden", "Norway", "Brazil", "Japan"], vendors)
    currency = {"Poland": "PLN", "Sweden": "SEK", "Norway": "NOK", "Brazil": "BRL", "Japan": "JPY"}
    quantity = rng.geometric(0.2, rows)
    price = np.round(rng.lognormal(3, 1, vendors)[v] * rng.lognormal(0, 0.2, rows), 2)
    net = np.round(quantity * price, 2)
    rate = rng.choice([0.07, 0.19, 0.25], rows)
    vat = np.round(net * rate, 2)
    invoiced = np.datetime64("2023-03-01") + rng.integers(0, 700, rows)
    return pl.DataFrame(
        {
            "invoice": [f"{c[:2].upper()}-{i:06d}" for i, c in enumerate(country[v])],
            "vendor": (v + 7000).astype(str),
            "vendor_name": names(rng, vendors)[v],
            "country": country[v],
            "currency": [currency.get(c, "EUR") for c in country[v]],
            "invoiced": invoiced.astype(str),
            "due": (invoiced + rng.choice([14, 30, 60], rows)).astype(str),
            "quantity": quantity.astype(str),
            "price": [f"{x:.2f}" for x in price],
            "net": [f"{x:.2f}" for x in net],
            "rate": rate.astype(str),
            "vat": [f"{x:.2f}" for x in vat],
            "gross": [f"{x:.2f}" for x in np.round(net + vat, 2)],
        }
    )


def sensors(rng: np.random.Generator, rows: int = 4000) -> pl.DataFrame:
    """Readings: device -> model, firmware, room; model -> vendor; room -> floor, building; free readings."""
    devices, models, rooms = 150, 12, 60
    model_of, room_of = rng.integers(0, models, devices), rng.integers(0, rooms, devices)
    vendor_of, floor_of, building_of = rng.integers(0, 4, models), rng.integers(0, 6, rooms), rng.integers(0, 3, rooms)
    d = rng.integers(0, devices, rows)
    room = room_of[d]
    return pl.DataFrame(
        {
            "device": [f"dev:{i * 37 % 9973:04x}" for i in d],
            "model": np.array([f"T{i}-{i * 7 % 10}00" for i in range(models)])[model_of[d]],
            "vendor": names(rng, 4, 2)[vendor_of[model_of[d]]],
            "room": np.array([f"R{i:03d}" for i in range(rooms)])[room],
            "floor": floor_of[room].astype(str),
            "building": np.array(["North", "South", "Annex"])[building_of[room]],
            "celsius": np.round(rng.normal(21, 2, rows) + floor_of[room] * 0.3, 1).astype(str),
            "humidity": rng.integers(20, 80, rows).astype(str),
            "state": rng.choice(["ok", "warn", "fail"], rows, p=[0.95, 0.04, 0.01]),
        }
    )


def seller_reports(rng: np.random.Generator, rows: int = 2400) -> pl.DataFrame:
    """100 books as 24 sellers describe them: book -> title, publisher, year, pages."""
    books = 100
    b = np.repeat(np.arange(books), rows // books)
    title = np.char.add(np.char.add(names(rng, books), " "), rng.choice(names(rng, 30, 2), books))
    return pl.DataFrame(
        {
            "seller": np.tile(names(rng, rows // books, 2), books),
            "book": np.array([f"978{rng.integers(10**9, 10**10)}" for _ in range(books)])[b],
            "title": title[b],
            "publisher": rng.choice(names(rng, 25, 2), books)[b],
            "year": rng.integers(1980, 2024, books).astype(str)[b],
            "pages": rng.integers(90, 900, books).astype(str)[b],
        }
    )


def typo(text: str, rng: np.random.Generator) -> str:
    """One slip: a letter dropped, doubled, replaced or swapped."""
    while True:
        i, kind = int(rng.integers(0, max(len(text) - 1, 1))), int(rng.integers(0, 4))
        new = (
            text[:i] + text[i + 1 :],
            text[: i + 1] + text[i:],
            text[:i] + chr(int(rng.integers(97, 123))) + text[i + 1 :],
            text[:i] + text[i + 1 : i + 2] + text[i : i + 1] + text[i + 2 :],
        )[kind]
        if new != text and new:
            return new


def broken(
    clean: pl.DataFrame, rng: np.random.Generator, rates: dict[str, float], kinds: tuple[str, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Errors of the given kinds ("typo", "fd" for another row's value, "missing", "outlier") at a rate per column.

    Returns the dirty table and `row, column, kind, original`.
    """
    dirty, truth = clean, []
    for column, rate in rates.items():
        hit = np.flatnonzero(rng.random(len(clean)) < rate)
        kind = rng.choice(kinds, len(hit))
        old = clean[column].to_list()
        new = list(old)
        for i, k in zip(hit.tolist(), kind.tolist()):
            if k == "typo":
                new[i] = typo(old[i], rng)
            elif k == "fd":
                new[i] = old[int(rng.integers(0, len(old)))]
            elif k == "outlier":
                new[i] = f"{float(old[i]) * float(rng.choice([-1, 10, 100, 1000])):g}"
            else:
                new[i] = None
        changed = [(i, column, k, old[i]) for i, k in zip(hit.tolist(), kind.tolist()) if new[i] != old[i]]
        truth.append(pl.DataFrame(changed, schema=TRUTH, orient="row"))
        dirty = dirty.with_columns(pl.Series(column, new, dtype=pl.String))
    return dirty, pl.concat(truth)


def reference(frame: pl.DataFrame, **options: object) -> LocalReference:
    """Reference of a frame, read in two batches."""
    return reference_of(lambda columns: iter(batches(frame, columns)), TableRef("t"), options=options)


def batches(frame: pl.DataFrame, columns: list[str] | None = None) -> list[Batch]:
    """The frame in two batches."""
    row = pl.int_range(len(frame), eager=True)
    half = (len(frame) + 1) // 2
    part = frame.select(columns) if columns else frame
    return [Batch(TableRef("t"), part[a:b], row[a:b]) for a, b in ((0, half), (half, len(frame)))]


TABLES = {"staff": staff, "invoices": invoices, "sensors": sensors, "seller_reports": seller_reports}
