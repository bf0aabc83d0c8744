"""The rows worth labelling most."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kintsu.learn.labelling import rows_to_label
from kintsu.run.questions.session import opened_session

__all__ = ["label"]


def label(
    run: str, n: int = 20, *, home: Path | str | None = None, from_file: Path | str | None = None
) -> pl.DataFrame:
    """At most `n` rows of the heal's input whose right values would teach most: `row`, `columns`, `why`.

    Together they show each kind of doubtful cell (column, recipe, manner of change; column and kind of finding), the
    kinds with most at stake first. Give the right values of all their cells to `teach`, also of cells that are right.
    """
    session = opened_session(run, home=home, from_file=from_file)
    heal = session.heal
    found = session.store.frame(heal.findings, since=heal.line) if heal.findings else None
    schema = {"row": pl.Int64, "column": pl.String, "kind": pl.String}
    findings = found if found is not None else pl.DataFrame(schema=schema)
    return rows_to_label(session.state(), findings, n)
