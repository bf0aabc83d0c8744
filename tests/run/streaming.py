"""What the tests of streams share: a treatment that follows a few plain rules, and events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.frames import DECISIONS, FINDINGS, empty

COLUMNS = ("id", "city", "amount", "email")


@dataclass(frozen=True)
class MadeUp:
    """Spells cities right, takes " EUR" off, puts rows without an id aside, and breaks on a city of "boom"."""

    columns: tuple[str, ...] = COLUMNS
    id: str = "t-made-up"
    auto: float = 0.95

    def mend(self, batch: Batch) -> Any:
        frame = batch.frame
        if (frame["city"] == "boom").any():
            raise RuntimeError("boom")
        wishes = [
            frame.select(
                pl.lit(name).alias("column"),
                old=pl.col(name),
                new=new,
                row=batch.row,
            ).filter(pl.col("old").ne_missing(pl.col("new")))
            for name, new in (
                ("city", pl.col("city").replace({"Pari": "Paris", "Lyno": "Lyon"})),
                ("amount", pl.col("amount").str.strip_suffix(" EUR")),
            )
        ]
        applied = pl.concat(wishes).with_columns(
            edit=pl.lit("set"), confidence=pl.lit(0.99), recipe=pl.concat_str(pl.lit("r-"), "column")
        )
        shaped = applied.select(
            pl.col(n).cast(t) if n in applied.columns else pl.lit(None, t).alias(n) for n, t in DECISIONS.items()
        )
        missing = batch.row.filter(frame["id"].is_null())
        unmendable = pl.DataFrame(
            {"row": missing, "why": ["no id"] * len(missing)}, schema_overrides={"why": pl.String}
        )
        return SimpleNamespace(applied=shaped, decisions=shaped, findings=empty(FINDINGS), unmendable=unmendable)


def event(n: int, **changed: Any) -> bytes:
    """One event; every hundredth says its amount in EUR, some misspell a city."""
    city = "Pari" if n % 10 == 3 else ("Lyon", "Paris", "Nice")[n % 3]
    amount = f"{n % 50}.50 EUR" if n % 100 == 7 else float(f"{n % 50}.5")
    told = {"id": f"o{n}", "city": city, "amount": amount, "email": f"a{n}@example.org", "extra": [n]}
    return json.dumps(told | changed, ensure_ascii=False).encode()


QUICK = {"session.timeout.ms": 1000, "heartbeat.interval.ms": 300, "reconnect.backoff.max.ms": 500}
"""The broker of these tests lets a group wait for half of its session timeout."""
