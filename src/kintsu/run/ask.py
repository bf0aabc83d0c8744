"""The open questions of a run, most valuable first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from kintsu.core.change import EDITS
from kintsu.diagnose.masking import Veil
from kintsu.learn.cases import TRUST
from kintsu.learn.questions import Question, effect, lead
from kintsu.learn.verdicts import ACCEPT, REJECT, Settled, targets
from kintsu.run.questions.first import worded
from kintsu.run.questions.session import Session, opened_session

__all__ = ["ask"]

_CELL: Final = ["row", "column"]


def ask(
    run: str,
    *,
    home: Path | str | None = None,
    from_file: Path | str | None = None,
    limit: int | None = None,
    veil: Veil | None = None,
) -> list[Question]:
    """What is worth asking about a heal: one question per recipe and kind of cell, never one per cell.

    Values of sensitive columns are masked, or those that `veil` says. An answered question is not asked again, unless
    its answer is undone.

    Raises
    ------
    UnknownRun, UsageError, StaleRepair
        No such run; nothing is kept of it; the healed file was edited by someone else.
    """
    session = opened_session(run, home=home, from_file=from_file)
    if veil is not None:
        heal = session.heal
        session = replace(session, heal=heal.but(sensitive=veil.over(heal.columns, heal.sensitive)))
    state = _possible(session.state(), session)
    found = worded(state, session.recipes, session.heads, sensitive=session.heal.sensitive, limit=limit)
    return [_foreseen(question, state, session) for question in found]


def _foreseen(question: Question, state: pl.DataFrame, session: Session) -> Question:
    """With the effect that trusting one family of sources has, which is more than that of its own decisions."""
    leads = state.filter((pl.col("case") == question.question) & (pl.col("rank") == 0))
    if not leads["operation"].str.starts_with(TRUST).any():
        return question
    main, now = str(lead(leads)), targets(state)
    names = leads["column"].unique().implode()
    options = []
    for option in question.options:
        if option.option == REJECT:
            options.append(option)
            continue
        recipe = session.recipes[main if option.option == ACCEPT else option.option]
        after = targets(session.after(Settled(state.head(0), (recipe,))).state).filter(pl.col("column").is_in(names))
        moved = now.filter(pl.col("column").is_in(names)).join(after, on=[*_CELL, "new"], how="anti", nulls_equal=True)
        cells = pl.concat([frame.select(*_CELL, "old") for frame in (after, moved, leads)]).unique(_CELL)
        cells = cells.join(after.select(*_CELL, "new", __hit=pl.lit(True)), on=_CELL, how="left")
        same = now.select(*_CELL, "new", __same=pl.lit(True))
        cells = cells.with_columns(new=pl.when(pl.col("__hit").fill_null(False)).then("new").otherwise("old"))
        cells = cells.join(same, on=[*_CELL, "new"], how="left", nulls_equal=True)
        asked = cells.join(leads.select(*_CELL, __asked=pl.lit(True)), on=_CELL, how="left")
        told = asked.filter(pl.col("__asked").fill_null(False) | pl.col("__same").is_null())
        options.append(replace(option, effect=effect(told, "new", session.heal.sensitive)))
    return replace(question, options=tuple(options))


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
