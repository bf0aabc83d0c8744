"""How bad rows are and how they would be mended, by a trained treatment or beside rows that are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.diagnose.masking import Veil, mask
from kintsu.io.json_events import JsonEvents
from kintsu.run.assess import opened, readable
from kintsu.run.replay import Treatment
from kintsu.run.score_rows import score_rows
from kintsu.run.sidecar import write_table
from kintsu.run.treat import Progress, quiet

__all__ = ["PROPOSALS", "SCORES", "score", "score_against", "score_table"]

SCORES: Final = "scores.csv"
PROPOSALS: Final = "proposals.csv"
ROWS: Final = 131_072
WORST_FIRST: Final = ("row", "score", "column", "kind", "why")
PROPOSED: Final = ("row", "column", "old", "new", "confidence", "action", "reason", "recipe")


def score(rows: Sequence[Mapping[str, Any]], treatment: Treatment, *, veil: Veil | None = None) -> list[dict[str, Any]]:
    """What a treatment says of rows, each a mapping of columns to JSON values; nothing is changed or kept.

    Returns
    -------
    For each row: `score` in [0, 1], the surest finding in it, 0 where nothing is wrong; `why` in words, "" then;
    `unmendable`, the reason why a stream would put it aside, or None; `proposals`, the cells that would change
    (action "apply") or that a person would be asked about ("suggest").
    """
    values = [json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") for row in rows]
    cells = JsonEvents().decode(values, treatment.columns).cells
    scores, proposals = _judged(_numbered(cells, treatment.table), treatment, veil or Veil())
    told = [{**line, "proposals": []} for line in scores.drop("row").to_dicts()]
    for line in proposals.to_dicts():
        told[line.pop("row")]["proposals"].append(line)
    return told


def _numbered(cells: pl.DataFrame, table: str) -> Batch:
    return Batch(TableRef(table), cells, pl.int_range(cells.height, dtype=pl.Int64, eager=True).alias("row"))


def _judged(batch: Batch, treatment: Treatment, veil: Veil) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A line for each row, and one for each proposal."""
    mended = treatment.mend(batch)
    hidden = veil.over(treatment.columns, treatment.sensitive)
    found = mask(mended.findings, hidden).with_columns(score=pl.coalesce("confidence", "score"))
    worst = (
        found.sort(*WORST_FIRST, descending=[False, True, False, False, False], nulls_last=True)
        .unique("row", keep="first", maintain_order=True)
        .select("row", "score", "why", "column", "kind")
    )
    every = pl.DataFrame({"row": batch.row})
    scores = (
        every.join(worst, on="row", how="left", maintain_order="left")
        .join(mended.unmendable.select("row", unmendable="why"), on="row", how="left", maintain_order="left")
        .with_columns(pl.col("score").fill_null(0.0).round(6), pl.col("why").fill_null(""))
    )
    offered = mended.decisions.filter(pl.col("action").is_in(["apply", "suggest"]), pl.col("edit") == "set")
    proposals = mask(offered, hidden).select(PROPOSED).with_columns(pl.col("confidence").round(6))
    return scores, proposals.sort("row", "column", "confidence", "new", descending=[False, False, True, False])


def score_against(
    rows: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> list[dict[str, Any]]:
    """How odd rows are as a whole beside rows that are known: see `score_rows`.

    Raises
    ------
    UsageError
        Too few rows are known, or these cannot be a table.
    """
    try:
        train, test = (pl.DataFrame(list(each), infer_schema_length=None, strict=False) for each in (known, rows))
    except (pl.exceptions.PolarsError, OverflowError, ValueError, TypeError) as error:
        raise UsageError(f"these rows are no table: {error}".splitlines()[0]) from error
    told = score_rows(train, test, seed=seed).select(pl.col("score", "p_value").round(6), "is_anomaly", "why")
    return told.to_dicts()


def score_table(
    source: Path, folder: Path, treatment: Treatment, *, veil: Veil | None = None, progress: Progress = quiet
) -> dict[str, Any]:
    """The same for a file of any size: writes `scores.csv` and `proposals.csv` into a folder; returns counts."""
    table = opened(source, ReadOptions())
    parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    for batch in readable(table, ROWS, None):
        progress("scoring", min(len(parts) * ROWS / max(table.rows, 1), 1.0))
        parts.append(_judged(batch, treatment, veil or Veil()))
    scores, proposals = (pl.concat([each[i] for each in parts]) for i in (0, 1))
    folder.mkdir(parents=True, exist_ok=True)
    write_table(scores, folder / SCORES)
    write_table(proposals, folder / PROPOSALS)
    actions = dict(proposals["action"].value_counts().iter_rows())
    return {
        "rows": scores.height,
        "rows_found": int((scores["score"] > 0).sum()),
        "unmendable": int(scores["unmendable"].is_not_null().sum()),
        "apply": actions.get("apply", 0),
        "suggest": actions.get("suggest", 0),
    }
