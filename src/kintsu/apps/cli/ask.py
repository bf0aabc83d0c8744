"""ask, answer, teach and label: what a person is asked, and what is learned from the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain

__all__ = ["answer", "ask", "label", "teach"]

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A heal, an answer to it, its beginning, or: last.")]
FromFile = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="Where the healed file is now, if it was moved.")
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so (else the user's name).")]


def ask(
    run: RunId,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="Questions to show.")] = 50,
    recipes: Annotated[
        Path | None,
        typer.Option("--recipes", metavar="FILE", help="Write what was accepted and taught so far, as YAML, instead."),
    ] = None,
    from_file: FromFile = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show the open questions of a run, the most valuable first."""
    from kintsu.run.ask import ask as look
    from kintsu.run.recipes import write_recipes

    if recipes is not None:
        n = write_recipes(run, recipes, home=home, from_file=from_file)
        if as_json:
            emit({"recipes": n, "file": recipes})
        elif not quiet:
            told = f"{n} recipes" if n != 1 else "1 recipe"
            console().print(
                f"{told} written to {plain(recipes)}; replay with: kintsu heal IN --recipes {plain(recipes)}"
            )
        return 0
    found = look(run, home=home, from_file=from_file, limit=limit)
    if as_json:
        emit([question.to_dict() for question in found])
    elif not quiet:
        _show(run, found)
    return 0


def _show(run: str, found: list[Any]) -> None:
    screen = console()
    if not found:
        screen.print("Nothing is open: there is no question.")
        return
    for question in found:
        screen.print(f"{question.question}  {plain(question.text, 600)}")
        for option in question.options:
            screen.print(f"    {option.option:<14}  {plain(option.text, 300)}")
    screen.print(f"Answer with: kintsu answer {plain(run)} {found[0].question} accept")


def answer(
    run: RunId,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question's id, as `kintsu ask` shows it.")],
    option: Annotated[str, typer.Argument(metavar="OPTION", help="accept, reject, or the id of an alternative.")],
    by: By = None,
    from_file: FromFile = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Answer a question: the table changes at once, logged and undoable."""
    from kintsu.run.answer import answer as say

    _told(say(run, question, option, home=home, from_file=from_file, by=by), as_json, quiet)
    return 0


def _told(said: Any, as_json: bool, quiet: bool) -> None:
    if as_json:
        emit(said.to_dict())
    elif not quiet:
        cells = "1 cell" if said.applied == 1 else f"{said.applied:,} cells"
        console().print(f"{said.change}: {cells} of {plain(said.output)} changed; {said.open:,} cells are still open.")
        console().print(f"Take it back with: kintsu undo {said.change}")


def teach(
    run: RunId,
    row: Annotated[int | None, typer.Option("--row", metavar="R", help="Row of the input, from 0.")] = None,
    column: Annotated[str | None, typer.Option("--column", metavar="C", help="Column of the cell.")] = None,
    value: Annotated[
        str | None, typer.Option("--value", metavar="V", help='The right value; "" for an empty cell.')
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="labels.csv", help="Many cells: columns row, column, value.")
    ] = None,
    by: By = None,
    from_file: FromFile = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Correct cells: the table changes at once, and cells like them with it where that is sure."""
    import polars as pl

    from kintsu.core.errors import UsageError
    from kintsu.run.teach import read_labels
    from kintsu.run.teach import teach as learn

    given = (row, column, value)
    if any(each is not None for each in given) and any(each is None for each in given):
        raise UsageError("--row, --column and --value belong together")
    labels = read_labels(file) if file is not None else None
    if row is not None:
        one = pl.DataFrame({"row": [row], "column": [column], "value": [value]}, schema_overrides={"row": pl.Int64})
        labels = one if labels is None else pl.concat([labels, one])
    if labels is None:
        raise UsageError("say what is right: --row, --column and --value, or --file labels.csv")
    _told(learn(run, labels, home=home, from_file=from_file, by=by), as_json, quiet)
    return 0


def label(
    run: RunId,
    n: Annotated[int, typer.Option("-n", metavar="N", min=1, help="Rows to name.")] = 20,
    from_file: FromFile = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Name the rows whose right values would teach most; give them back with teach."""
    from kintsu.run.label import label as choose

    rows = choose(run, n, home=home, from_file=from_file)
    if as_json:
        emit(rows.to_dicts())
    elif not quiet:
        screen = console()
        for line in rows.iter_rows(named=True):
            screen.print(f"row {line['row']}: {plain(line['why'])}")
        if not len(rows):
            screen.print("Nothing is in doubt: there is no row worth labelling.")
    return 0
