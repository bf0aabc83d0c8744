"""`kintsu mcp`: tools for assistants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.core.errors import MissingExtra, UsageError

__all__ = ["mcp"]


def mcp(
    root: Annotated[
        list[Path] | None,
        typer.Option("--root", metavar="DIR", help="A folder whose tables it may work on (else this one)."),
    ] = None,
    home: o.Home = None,
    role: Annotated[
        str, typer.Option(help="viewer: look; steward: also answer and undo; engineer: also check and heal.")
    ] = "engineer",
    sensitive: o.Sensitive = None,
) -> None:
    """Let an assistant check, heal, ask, answer and undo: the Model Context Protocol over standard input and output."""
    try:
        import mcp as sdk  # noqa: F401 - the rest would fail later
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "mcp") from error
    from kintsu.apps.assistant.local import LocalTools
    from kintsu.apps.assistant.tools import server
    from kintsu.io.service.keys import ROLES
    from kintsu.io.store.home import home_for

    if role not in ROLES:
        raise UsageError(f"--role is one of {', '.join(ROLES)}, not {role!r}")
    roots = tuple(path.expanduser().resolve() for path in root or [Path()])
    missing = [str(path) for path in roots if not path.is_dir()]
    if missing:
        raise UsageError(f"{missing[0]} is no folder: --root names folders with tables")
    place = home.expanduser().absolute() if home is not None else home_for(roots[0] / "table")
    server(LocalTools(place, roots, o.names(sensitive)), role).run("stdio")
