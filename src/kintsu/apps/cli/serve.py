"""`kintsu serve` and the keys of its users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.core.errors import MissingExtra, UsageError

__all__ = ["keys", "serve"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
Tenant = Annotated[str, typer.Option(metavar="NAME", help="Whose data the key opens.")]

keys = typer.Typer(name="keys", help="Keys with which programs sign in to `kintsu serve`.", no_args_is_help=True)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; any but this machine's own needs --sign-in.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    home: o.Home = None,
    sign_in: Annotated[bool, typer.Option("--sign-in", help="Everybody has to sign in with a key or a token.")] = False,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="A name under which it is asked for; repeatable.")
    ] = None,
    root: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A folder whose files may be worked on; repeatable.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(metavar="URL", help="OpenID Connect issuer of people's tokens.")] = None,
    audience: Annotated[str, typer.Option(help="What the issuer's tokens have to be made for.")] = "kintsu",
    requests_per_minute: Annotated[int, typer.Option(metavar="N", help="Of one key or person; 0: no limit.")] = 0,
) -> None:
    """Serve the API: everything that the commands do, for programs and pages."""
    try:
        import uvicorn

        from kintsu.apps.api.app import create_app
        from kintsu.apps.api.settings import Identity, ServeSettings
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "serve") from error
    if host not in LOOPBACK and not sign_in:
        raise UsageError(f"{host} can be reached by others: say --sign-in, and make a key with `kintsu keys create`")
    settings = ServeSettings(
        home=_home(home),
        sign_in=sign_in,
        hosts=(*ServeSettings.hosts, *(name or [])),
        roots=tuple(path.resolve() for path in root or []),
        identity=None if issuer is None else Identity(issuer, audience),
        requests_per_minute=requests_per_minute,
    )
    uvicorn.run(create_app(settings), host=host, port=port, log_level="warning", server_header=False)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it.")],
    role: Annotated[str, typer.Option(help="viewer, steward, engineer or admin.")] = "viewer",
    tenant: Tenant = "local",
    days: Annotated[int, typer.Option(min=1, max=3650, help="After so many days it is no longer valid.")] = 90,
    home: o.Home = None,
) -> None:
    """Make a key and print it: it is shown this once."""
    from kintsu.io.service.keys import Keys
    from kintsu.io.store.history import History
    from kintsu.io.store.home import tenant_home

    place = _home(home)
    tenant_home(place, tenant)  # refuses what is no name
    expires = datetime.now(UTC) + timedelta(days=days)
    _, text = Keys(History(place, tenant)).create(name, role, by="command line", expires_at=expires)
    typer.echo(text)


def _home(home: Path | None) -> Path:
    from kintsu.io.store.home import home_for

    return home.expanduser().absolute() if home is not None else home_for(None)
