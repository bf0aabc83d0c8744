"""Take an answer to a question: the cells change at once, logged and undoable."""

from __future__ import annotations

import getpass
from contextlib import suppress
from pathlib import Path

import polars as pl

from kintsu.core.frames import DECISIONS
from kintsu.heal.source_vote import SourceVote
from kintsu.learn.cases import TRUST
from kintsu.learn.questions import lead
from kintsu.learn.verdicts import ACCEPT, REJECT, Answer, Settled, answered
from kintsu.run.questions.session import Session, opened_session
from kintsu.run.questions.write import Said, written

__all__ = ["answer", "by_whom"]


def answer(
    run: str,
    question: str,
    option: str,
    *,
    home: Path | str | None = None,
    from_file: Path | str | None = None,
    by: str | None = None,
) -> Said:
    """Choose an option of a question that `ask` listed: "accept", "reject", or the id of an alternative.

    The healed table, and the files of findings and changes that the heal wrote, are renewed atomically. The answer is
    a change of its own: undoing it takes back what it did and opens the question again.

    Raises
    ------
    UsageError
        No such question or option.
    StaleRepair
        The healed file was edited by someone else; nothing was touched.
    """
    session = opened_session(run, home=home, from_file=from_file)
    said = {"question": question, "option": option, "by": by or by_whom()}
    inside = session.state().filter(pl.col("case") == question)
    if not (inside["healer"] == SourceVote.name).any():
        return written(session, Answer(question, option), said)
    event = _about_sources(session, inside, Answer(question, option))
    kept = event.decisions.select(list(DECISIONS))
    recipes = {name: session.recipes[name] for name in kept["recipe"].unique() if name in session.recipes}
    told = [list(line) for line in event.verdicts]
    recipes |= {recipe.id: recipe for recipe in event.recipes}
    return written(session, event, said | {"told": told}, recipes=recipes, added=kept)


def _about_sources(session: Session, inside: pl.DataFrame, answer: Answer) -> Settled:
    """What an answer about several sources decides: later answers make such questions anew, so all of it is kept."""
    after, tally = answered(session.state(), answer)
    trusts = inside.filter(pl.col("operation").str.starts_with(TRUST) & (pl.col("healer") == SourceVote.name))
    if len(trusts) and answer.option != REJECT:
        chosen = str(lead(inside)) if answer.option == ACCEPT else answer.option
        return Settled(inside.head(0), (session.recipes[chosen],))
    decided = after.join(inside.select("row", "column").unique(), on=["row", "column"], how="semi", nulls_equal=True)
    verdicts = tuple((c, h, o, m, r) for c, h, o, m, r in tally.drop_nulls("measured").iter_rows())
    return Settled(decided, (), verdicts)


def by_whom() -> str:
    """The name of the user at the keyboard; "unknown" where the system does not tell."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "unknown"
