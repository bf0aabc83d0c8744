"""log, show and store: what was done, and where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit

__all__ = ["log", "show", "store"]

Row = Annotated[int | None, typer.Option("--row", metavar="N", help="Only edits of this row (from 0).")]
ColumnName = Annotated[str | None, typer.Option("--column", metavar="COLUMN", help="Only edits of this column.")]
RecipeId = Annotated[str | None, typer.Option("--recipe", metavar="ID", help="Only edits of this recipe.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run or an undo, its beginning, or: last.")]


def log(
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only this run.")] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", metavar="TABLE", help="Scores of a table's heals and checks: its name, path, 'orders-*'."
        ),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option("--fact", metavar="FACT", help="With --table: show this, such as completeness:email; repeatable."),
    ] = None,
    entries: Annotated[bool, typer.Option("--entries", help="Every line of the ledger, with its number.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the hash chain and every stored value; name the first edited line.")
    ] = False,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """List the runs and undos, oldest first, or a table's scores over its runs; or check that nobody edited it."""
    from kintsu.apps.cli.tables import entries_table, runs_table
    from kintsu.core.errors import UsageError
    from kintsu.run import log as history

    if verify:
        checked = history.verify(home=home)
        told = {"verified": True, "entries": checked.entries, "blobs": checked.blobs, "gone": checked.gone}
        if as_json:
            emit(told)
        elif not quiet:
            gone = f"; {checked.gone} were removed on purpose" if checked.gone else ""
            console().print(f"verified: {checked.entries} lines and {checked.blobs} stored values{gone}")
        return 0
    if fact and table is None:
        raise UsageError("--fact says what to show of a table: add --table")
    if table is not None:
        return _course(table, fact, home, as_json, quiet)
    lines = history.log(home=home, run=run)
    named = {line["run"] for line in lines}
    runs = [each for each in history.runs(home=home) if run is None or each["run"] in named]
    if as_json:
        emit({"runs": runs, "entries": lines})
    elif entries and not quiet:
        entries_table(lines, console())
    elif not quiet:
        runs_table(runs, console())
    return 0


def _course(table: str, fact: list[str] | None, home: Path | None, as_json: bool, quiet: bool) -> int:
    from kintsu.apps.cli.tables import runs_course
    from kintsu.core.errors import UsageError
    from kintsu.run.kept_runs import HEADS, USUAL, course

    facts = [each for each in fact or USUAL if each != "rows"]
    found = course(table, facts, home=home)
    unknown = [each for each in fact or () if each != "rows" and found[each].is_null().all()]
    if unknown:
        known = ", ".join(course(table, None, home=home).columns[len(HEADS) :][:12])
        raise UsageError(f"no run of {table!r} has a fact {unknown[0]!r}; there is rows, {known}, ...")
    if as_json:
        emit({"runs": found.to_dicts()})
    elif not quiet:
        runs_course(found, fact or USUAL, console())
    return 0


def show(
    run: RunId,
    row: Row = None,
    column: ColumnName = None,
    recipe: RecipeId = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Edits to show.")] = 20,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the whole change set: .csv, .parquet, or .sql (UPDATEs)."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="COLUMN", help="With .sql: a column that tells rows apart.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="With .sql: the table's name in the database.")
    ] = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show a run and its edits, or export them as CSV, Parquet or SQL."""
    from kintsu.apps.cli.tables import show_table
    from kintsu.run.show import show as look

    if export is not None:
        return _export(run, export, o.names(key), table, home, as_json, quiet)
    shown = look(run, home=home, row=row, column=column, recipe=recipe)
    if as_json:
        emit(shown.to_dict(limit))
    elif not quiet:
        show_table(shown.to_dict(limit), len(shown.changes), console())
    return 0


def _export(
    run: str, path: Path, keys: tuple[str, ...], table: str | None, home: Path | None, as_json: bool, quiet: bool
) -> int:
    from kintsu.core.errors import UsageError
    from kintsu.run.export import export_changes, export_sql

    if path.suffix.lower() != ".sql":
        n, what = export_changes(run, path, home=home), "edits"
    elif not keys:
        raise UsageError("SQL needs to know which columns tell rows apart: name them with --key COLUMN")
    else:
        n, what = export_sql(run, path, keys=keys, table=table, home=home), "statements"
    if as_json:
        emit({"run": run, "output": path, what: n})
    elif not quiet:
        console().print(f"{n:,} {what} written to {path}")
    return 0


def store(
    prune: Annotated[
        bool, typer.Option("--prune", help="Free room: drop what old runs need for undo, and what no run owns.")
    ] = False,
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", help="With --prune: runs older than this.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", help="With --prune: all but the N newest runs.")
    ] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Erase cell values for good, of --run, of --column, or of both together.")
    ] = False,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="With --purge: this run.")] = None,
    column: Annotated[str | None, typer.Option("--column", metavar="COLUMN", help="With --purge: this column.")] = None,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show how large the store is; prune or purge it, and say which undos are gone."""
    from kintsu.apps.cli.tables import freed_summary, sizes_table
    from kintsu.core.errors import UsageError
    from kintsu.run import store as keeping

    if prune and purge:
        raise UsageError("either --prune or --purge, not both")
    if not prune and (older_than is not None or keep is not None):
        raise UsageError("--older-than and --keep say what to --prune: add --prune")
    if not purge and (run is not None or column is not None):
        raise UsageError("--run and --column say what to --purge: add --purge")
    if prune or purge:
        freed = (
            keeping.prune(home=home, older_than_days=older_than, keep=keep)
            if prune
            else keeping.purge(home=home, run=run, column=column)
        )
        if as_json:
            emit(freed.to_dict())
        elif not quiet:
            freed_summary(freed.to_dict(), console())
        return 0
    sizes = keeping.sizes(home=home).to_dict()
    if as_json:
        emit(sizes)
    elif not quiet:
        sizes_table(sizes, console())
    return 0
