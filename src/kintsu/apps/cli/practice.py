"""crash-test and generate: learn how much can be trusted, on a copy or on a made-up table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, progress

__all__ = ["crash_test", "generate"]


@o.reads
def crash_test(
    source: o.In,
    seed: o.Seed = 0,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Break a copy on purpose: how much of it would be found and mended here?"""
    from kintsu.apps.cli.exits import OK, STEP_FAILED
    from kintsu.apps.cli.summary import crash_summary, warn_failed
    from kintsu.run.crash_test import crash_test as run

    with progress(quiet or as_json) as show:
        result = run(source, seed=seed, read=read, progress=show)
    told = result.to_dict()
    if as_json:
        emit(told)
    elif not quiet:
        crash_summary(told, console())
    warn_failed(result.failed)
    return STEP_FAILED if result.failed else OK


def generate(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="customers or orders.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Where to write (else KIND.csv); .csv or .parquet."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=0, help="Rows of the clean table.")] = 2000,
    errors: Annotated[float, typer.Option("--errors", metavar="P", help="Share of wrong cells, 0 to 0.3.")] = 0.02,
    clean: Annotated[Path | None, typer.Option("--clean", metavar="FILE", help="Write the clean table too.")] = None,
    seed: o.Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Make a realistic dirty table; every error in it is listed in OUT.truth.csv."""
    from kintsu.run.generate import generate as make
    from kintsu.run.generate import write

    made = make(cast(Any, kind), rows, seed=seed, errors=errors)
    files = write(made, out or Path(f"{kind}.csv"), clean=clean, force=force)
    told = {"rows": len(made.dirty), "columns": made.dirty.width, "errors": len(made.truth), "files": files}
    if as_json:
        emit(told)
    elif not quiet:
        console().print(f"{told['rows']:,} rows with {told['errors']:,} errors: {', '.join(map(str, files))}")
    return 0
