"""The command line's commands, in the order in which `kintsu --help` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsu.apps.cli import (
    ask,
    assistant,
    history,
    incidents,
    look,
    mend,
    models,
    practice,
    serve,
    stream,
    treat,
    watch,
)

__all__ = ["app"]

app = typer.Typer(
    name="kintsu",
    help="Finds bad data in tables and mends it: explained, calibrated, undoable.",
    epilog="Exit codes: 0 done · 1 stopped by --fail-under or gate · 2 bad input or usage · 3 done, but a step failed.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from kintsu import __version__

        typer.echo(f"kintsu {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Finds bad data in tables and mends it: explained, calibrated, undoable."""


for command in (
    *(mend.heal, look.check, treat.train, practice.crash_test),
    *(ask.ask, ask.answer, ask.teach, ask.label),
    *(mend.undo, history.log, history.show, history.store),
    *(look.profile, look.compare, look.diff),
    *(stream.watch, watch.gate),
    practice.generate,
    *(serve.serve, serve.worker, assistant.mcp),
):
    app.command(command.__name__.replace("_", "-"))(command)
app.add_typer(incidents.monitor)
app.add_typer(models.models)
app.add_typer(serve.keys)
