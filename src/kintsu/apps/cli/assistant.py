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
    service: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Work with this service; the key in KINTSU_KEY opens it, and its role is what counts."
        ),
    ] = None,
) -> None:
    """Let an assistant check, heal, ask, answer and undo: the Model Context Protocol over standard input and output."""
    try:
        import mcp as sdk  # noqa: F401 - the rest would fail later
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "mcp") from error
    from kintsu.apps.assistant.folders import Folders
    from kintsu.apps.assistant.tools import server

    roots = tuple(path.expanduser().resolve() for path in root or [Path()])
    missing = [str(path) for path in roots if not path.is_dir()]
    if missing:
        raise UsageError(f"{missing[0]} is no folder: --root names folders with tables")
    folders = Folders(roots, o.names(sensitive))
    if service is not None:
        from kintsu.apps.assistant.remote import RemoteTools
        from kintsu.apps.client.client import Client

        if home is not None:
            raise UsageError("--home is for tables of this machine, and --service has a store of its own")
        with Client(service) as client:
            server(RemoteTools(client, folders), _lesser(role, client.me()["role"])).run("stdio")
        return
    from kintsu.apps.assistant.local import LocalTools
    from kintsu.io.store.home import home_for

    place = home.expanduser().absolute() if home is not None else home_for(roots[0] / "table")
    server(LocalTools(place, folders), _lesser(role, "admin")).run("stdio")


def _lesser(wanted: str, granted: str) -> str:
    """The role that is wanted, as far as it is granted."""
    from kintsu.io.service.keys import ROLES

    if wanted not in ROLES:
        raise UsageError(f"--role is one of {', '.join(ROLES)}, not {wanted!r}")
    return min(wanted, granted, key=ROLES.index)
