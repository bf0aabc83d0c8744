"""Take an answer to a question: the cells change at once, logged and undoable."""

from __future__ import annotations

import getpass
from contextlib import suppress
from pathlib import Path

from kintsu.learn.verdicts import Answer
from kintsu.run.questions.session import opened_session
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
    event = Answer(question, option)
    return written(session, event, {"question": question, "option": option, "by": by or by_whom()})


def by_whom() -> str:
    """The name of the user at the keyboard; "unknown" where the system does not tell."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return "unknown"
