"""Clean tables of several domains and languages, made from a seed: what `generality.py` damages by default."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl

__all__ = ["SCHEMAS", "clean_tables"]

_VOWELS = "aeiou"


def _word(rng: random.Random, syllables: int, marks: str = "") -> str:
    text = "".join(rng.choice("bcdfghjklmnprstvz") + rng.choice(_VOWELS + marks) for _ in range(syllables))
    return (text + rng.choice(["", "n", "r", "s", "ck", "l"])).capitalize()


def _names(rng: random.Random, n: int, marks: str = "") -> list[str]:
    return sorted({_word(rng, rng.randint(2, 4), marks) for _ in range(n)})


def _day(rng: random.Random, first: date, days: int) -> date:
    return first + timedelta(days=rng.randrange(days))


def people(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """German staff list: postcode gives town and state; birth dates day first; personnel numbers."""
    first = _names(rng, 60, "äöü")
    last = _names(rng, 250, "äöü")
    lands = ["Bayern", "Hessen", "Sachsen", "Thüringen", "Nordrhein-Westfalen", "Baden-Württemberg", "Berlin"]
    towns = {f"{rng.randrange(1000, 99999):05d}": (_word(rng, 3, "ü") + rng.choice(["burg", "dorf", "stadt", "heim"]),
                                                   rng.choice(lands)) for _ in range(70)}  # fmt: skip
    teams = ["Vertrieb", "Einkauf", "Buchhaltung", "Entwicklung", "Personal", "Lager", "Geschäftsführung"]
    out: dict[str, list[str]] = {k: [] for k in ("Personalnr", "Vorname", "Nachname", "E-Mail", "PLZ", "Ort", "Land",
                                                 "Geburtsdatum", "Abteilung", "Gehalt", "Telefon")}  # fmt: skip
    for i in range(rows):
        a, b, code = rng.choice(first), rng.choice(last), rng.choice(list(towns))
        plain = f"{a}.{b}".lower().translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"}))
        line = (
            f"P{100000 + i * 7}",
            a,
            b,
            f"{plain}@firma.de",
            code,
            *towns[code],
            _day(rng, date(1955, 1, 1), 17000).strftime("%d.%m.%Y"),
            rng.choice(teams),
            str(int(rng.gauss(52000, 11000))),
            f"0{rng.randrange(30, 99)} {rng.randrange(1000000, 9999999)}",
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


def products(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """Shop catalogue: model gives brand, category and list price; weights; sizes; stock."""
    brands, kinds = _names(rng, 25), ["Kettle", "Toaster", "Blender", "Coffee Grinder", "Hand Mixer", "Rice Cooker"]
    colours = ["black", "white", "silver", "red", "navy blue", "green"]
    models = {f"{b[:2].upper()}-{rng.randrange(1000, 9999)}": (b, rng.choice(kinds), f"{rng.uniform(9, 250):.2f}")
              for b in brands for _ in range(5)}  # fmt: skip
    out: dict[str, list[str]] = {k: [] for k in ("sku", "model", "brand", "category", "list_price", "colour",
                                                 "weight_g", "stock", "rating", "added", "warehouse")}  # fmt: skip
    for i in range(rows):
        m = rng.choice(list(models))
        line = (
            f"SKU{10000000 + i * 13}",
            m,
            *models[m],
            rng.choice(colours),
            str(rng.randrange(200, 6000)),
            str(max(0, int(rng.gauss(60, 40)))),
            f"{min(5, max(1, rng.gauss(4, 0.6))):.1f}",
            _day(rng, date(2021, 3, 1), 900).isoformat(),
            rng.choice(["WH-01", "WH-02", "WH-03", "WH-07"]),
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


def sensors(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """Readings every ten minutes: device gives site and kind; temperature, humidity and pressure; state words."""
    devices = {f"dev-{i:03d}": (rng.choice(["Nord", "Süd", "Hafen", "Werk 2"]), rng.choice(["A3", "A4", "B1"]))
               for i in range(24)}  # fmt: skip
    start = datetime(2024, 2, 1)
    out: dict[str, list[str]] = {k: [] for k in ("time", "device", "site", "kind", "temp", "hum", "hpa", "state",
                                                 "battery")}  # fmt: skip
    for i in range(rows):
        d = rng.choice(list(devices))
        line = (
            (start + timedelta(minutes=10 * i)).strftime("%Y-%m-%d %H:%M:%S"),
            d,
            *devices[d],
            f"{rng.gauss(18, 4):.1f}",
            str(min(100, max(5, int(rng.gauss(55, 12))))),
            f"{rng.gauss(1013, 8):.1f}",
            rng.choices(["ok", "warn", "fail"], [90, 8, 2])[0],
            f"{rng.uniform(2.9, 3.7):.2f}",
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


def invoices(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """French invoices: customer number gives name and town; net, tax and gross agree; modes of payment."""
    towns = ["Besançon", "Lyon", "Orléans", "Saint-Étienne", "Nîmes", "Le Havre", "Angers", "Évreux"]
    clients = {f"C{rng.randrange(10000, 99999)}": (_word(rng, 3, "é") + rng.choice([" SARL", " SA", " & Fils"]),
                                                   rng.choice(towns)) for _ in range(90)}  # fmt: skip
    out: dict[str, list[str]] = {k: [] for k in ("facture", "date", "client", "raison_sociale", "ville", "ht", "taux",
                                                 "tva", "ttc", "paiement", "statut")}  # fmt: skip
    for i in range(rows):
        c, net, rate = rng.choice(list(clients)), round(rng.lognormvariate(5.5, 0.9), 2), rng.choice([5.5, 10, 20, 20])
        tax = round(net * rate / 100, 2)
        line = (
            f"F-2023-{i + 1:05d}",
            _day(rng, date(2023, 1, 1), 365).isoformat(),
            c,
            *clients[c],
            f"{net:.2f}",
            f"{rate:g}",
            f"{tax:.2f}",
            f"{net + tax:.2f}",
            rng.choice(["virement", "chèque", "carte", "espèces"]),
            rng.choices(["payée", "en attente", "annulée"], [80, 15, 5])[0],
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


def library(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """Loans of a Spanish library: book number gives title, author, year and shelf; readers; free notes."""
    nouns, joins = _names(rng, 80), [" de ", " y ", " del ", " sin "]
    authors = [f"{a}, {b}" for a, b in zip(_names(rng, 60, "áé"), _names(rng, 70), strict=False)]
    books = {f"978-84-{rng.randrange(1000, 9999)}-{rng.randrange(100, 999)}-{rng.randrange(10)}": (
        rng.choice(["El ", "La ", ""]) + rng.choice(nouns) + rng.choice(joins) + rng.choice(nouns).lower(),
        rng.choice(authors), str(rng.randrange(1950, 2023)),
        f"{rng.choice('ABCD')}{rng.randrange(1, 30):02d}") for _ in range(160)}  # fmt: skip
    out: dict[str, list[str]] = {k: [] for k in ("prestamo", "isbn", "titulo", "autor", "anio", "estante", "lector",
                                                 "salida", "dias", "estado")}  # fmt: skip
    for i in range(rows):
        b = rng.choice(list(books))
        line = (
            str(20001 + i),
            b,
            *books[b],
            f"L{rng.randrange(1000, 1400)}",
            _day(rng, date(2022, 9, 1), 600).strftime("%d/%m/%Y"),
            str(rng.choice([7, 14, 21, 28])),
            rng.choices(["devuelto", "prestado", "vencido", "perdido"], [70, 18, 10, 2])[0],
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


def sports(rng: random.Random, rows: int) -> dict[str, list[str]]:
    """Results of matches: home team gives stadium, city and league; goals; attendance; referees."""
    leagues = ["Premier Division", "First Division", "Second Division", "Cup Group A"]
    teams = {_word(rng, 2) + rng.choice([" United", " City", " Rovers", " FC", " Athletic"]): (
        _word(rng, 3) + rng.choice([" Park", " Stadium", " Arena", " Road"]), _word(rng, 3), rng.choice(leagues))
        for _ in range(44)}  # fmt: skip
    names, referees = list(teams), [f"{a[0]}. {b}" for a, b in zip(_names(rng, 30), _names(rng, 30), strict=False)]
    out: dict[str, list[str]] = {k: [] for k in ("match", "played", "home", "away", "stadium", "city", "league",
                                                 "home_goals", "away_goals", "attendance", "referee",
                                                 "kick_off")}  # fmt: skip
    for i in range(rows):
        a, b = rng.sample(names, 2)
        line = (
            f"M{i + 1:06d}",
            _day(rng, date(2015, 8, 1), 2500).isoformat(),
            a,
            b,
            *teams[a],
            str(min(8, int(rng.expovariate(0.6)))),
            str(min(8, int(rng.expovariate(0.8)))),
            str(int(rng.lognormvariate(9.2, 0.5))),
            rng.choice(referees),
            rng.choice(["15:00", "17:30", "20:00"]),
        )
        for name, cell in zip(out, line, strict=True):
            out[name].append(cell)
    return out


SCHEMAS: dict[str, Callable[[random.Random, int], dict[str, list[str]]]] = {
    f.__name__: f for f in (people, products, sensors, invoices, library, sports)
}


def clean_tables(seed: int, rows: int) -> dict[str, pl.DataFrame]:
    """Name -> clean table of text columns; sizes between half and twice `rows`."""
    from kintsu.run.generate import generate

    sizes = {"people": 1.0, "products": 1.4, "sensors": 2.0, "invoices": 1.0, "library": 0.7, "sports": 0.5}
    tables = {
        name: pl.DataFrame(make(random.Random(f"{seed}{name}"), int(rows * sizes[name])))
        for name, make in SCHEMAS.items()
    }
    for name in ("customers", "orders"):
        made = generate(name, rows=rows, seed=seed, errors=0.0).clean
        tables[name] = made.select(pl.all().cast(pl.String))
    return tables
