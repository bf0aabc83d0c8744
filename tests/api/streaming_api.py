"""A treatment that spells cities right, and events for it."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import polars as pl

from kintsu.core.frames import DECISIONS, FINDINGS, empty


@dataclass(frozen=True)
class Plain:
    columns: tuple[str, ...] = ("id", "city", "email")
    id: str = "t-plain"

    def mend(self, batch):
        wrong = batch.frame.select("city", row=batch.row).filter(pl.col("city") == "Pari")
        told = wrong.select("row", column=pl.lit("city"), old="city", new=pl.lit("Paris"), edit=pl.lit("set"))
        told = told.with_columns(confidence=pl.lit(0.99), recipe=pl.lit("r-city"), action=pl.lit("apply"))
        shaped = told.select(
            pl.col(n).cast(t) if n in told.columns else pl.lit(None, t).alias(n) for n, t in DECISIONS.items()
        )
        nothing = pl.DataFrame(schema={"row": pl.Int64, "why": pl.String})
        return SimpleNamespace(applied=shaped, decisions=shaped, findings=empty(FINDINGS), unmendable=nothing)


def event(n, **changed):
    told = {"id": f"o{n}", "city": "Pari" if n % 10 == 3 else ("Lyon", "Paris", "Nice")[n % 3], "email": f"a{n}@x.org"}
    return json.dumps(told | changed).encode()
