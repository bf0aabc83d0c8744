"""The open questions of a run, most valuable first."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kintsu.core.change import EDITS
from kintsu.learn.questions import Question, questions
from kintsu.run.questions.session import Session, opened_session

__all__ = ["ask"]


def ask(
    run: str,
    *,
    home: Path | str | None = None,
    from_file: Path | str | None = None,
    limit: int | None = None,
) -> list[Question]:
    """What is worth asking about a heal: one question per recipe and kind of cell, never one per cell.

    Values of sensitive columns are masked. An answered question is not asked again, unless its answer is undone.

    Raises
    ------
    UnknownRun, UsageError, StaleRepair
        No such run; nothing is kept of it; the healed file was edited by someone else.
    """
    session = opened_session(run, home=home, from_file=from_file)
    state = _possible(session.state(), session)
    return questions(state, session.recipes, sensitive=session.heal.sensitive, limit=limit)


def _possible(state: pl.DataFrame, session: Session) -> pl.DataFrame:
    """Without the cases of decisions that the table cannot hold, such as dropping rows of a database."""
    judge = getattr(session.table, "fits", None)
    asked = state["case"].is_not_null()
    if judge is None or not asked.any():
        return state
    raws = [pl.lit(None, pl.Binary).alias(name) for name in ("old_raw", "new_raw")]
    fits: pl.Series = judge(state.filter(asked).with_columns(raws).select(list(EDITS)))
    unfit = state.filter(asked).filter(~fits).filter(pl.col("rank") == 0).select("case").unique()
    return state.with_columns(case=pl.when(~pl.col("case").is_in(unfit["case"].implode())).then("case"))
