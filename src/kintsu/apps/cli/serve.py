"""`kintsu serve`, its workers and the keys of its users."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.exits import STEP_FAILED
from kintsu.apps.cli.threads import one_thread
from kintsu.core.errors import MissingExtra, UsageError

__all__ = ["keys", "serve", "worker"]

KEEP_ALIVE_S = 75
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Roots = Annotated[
    list[Path] | None, typer.Option("--root", metavar="DIR", help="A folder whose files may be worked on; repeatable.")
]
QueueUrl = Annotated[
    str | None,
    typer.Option(
        "--queue",
        metavar="URL",
        envvar="KINTSU_QUEUE",
        show_envvar=False,
        help="redis://... or postgresql://... (else the database of --store, else a file); or KINTSU_QUEUE.",
    ),
]
CacheUrl = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="URL",
        envvar="KINTSU_CACHE",
        show_envvar=False,
        help="Services over one PostgreSQL share answers and counts of requests in redis://...; or KINTSU_CACHE.",
    ),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="KINTSU_STORE",
        show_envvar=False,
        help="Keep everything in postgresql://...; or KINTSU_STORE. The home remembers it.",
    ),
]
SharedBlobs = Annotated[
    Path | None,
    typer.Option("--blobs", metavar="DIR", help="With --store: a folder of all machines for values, not the database."),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="Schedules, alerts and where notices go.")
]
Lease = Annotated[
    float,
    typer.Option("--lease", metavar="SECONDS", min=1, help="After so long without a sign, a job is another worker's."),
]
LogFormat = Annotated[
    str | None, typer.Option(metavar="json|text", help="Log every request and every job, to standard error.")
]
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
    root: Roots = None,
    workers: Annotated[int, typer.Option(metavar="N", min=0, help="Workers that it starts; 0: none.")] = 1,
    store: StoreUrl = None,
    blobs: SharedBlobs = None,
    queue: QueueUrl = None,
    cache: CacheUrl = None,
    settings: SettingsFile = None,
    lease: Lease = 30.0,
    issuer: Annotated[str | None, typer.Option(metavar="URL", help="OpenID Connect issuer of people's tokens.")] = None,
    audience: Annotated[str, typer.Option(help="What the issuer's tokens have to be made for.")] = "kintsu",
    requests_per_minute: Annotated[int, typer.Option(metavar="N", help="Of one key or person; 0: no limit.")] = 0,
    log_format: LogFormat = None,
    treatment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR", help="Mends events pushed for the table NAME, and scores its rows; repeatable."
        ),
    ] = None,
) -> None:
    """Serve the API: everything that the commands do, for programs and pages."""
    one_thread()
    try:
        import uvicorn

        from kintsu.apps.api.app import create_app
        from kintsu.apps.api.settings import Identity, ServeSettings
        from kintsu.apps.traces import export_spans
        from kintsu.apps.worker import Crew
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "serve") from error
    if host not in LOOPBACK and not sign_in:
        raise UsageError(f"{host} can be reached by others: say --sign-in, and make a key with `kintsu keys create`")
    _check_format(log_format)
    place = _home(home, store, blobs)
    chosen = ServeSettings(
        home=place,
        sign_in=sign_in,
        hosts=(*ServeSettings.hosts, *(name or [])),
        roots=tuple(path.resolve() for path in root or []),
        identity=None if issuer is None else Identity(issuer, audience),
        requests_per_minute=requests_per_minute,
        queue=queue,
        cache=cache,
        lease_s=lease,
        file=settings,
        treatments=tuple(_named(each) for each in treatment or []),
    )
    export_spans()
    _log(log_format)
    with _bound(host, port) as sock:
        app = create_app(chosen)
        lines = None if log_format is not None else uvicorn.config.LOGGING_CONFIG  # its own go where ours go
        quiet: Any = {"log_level": "warning", "log_config": lines, "access_log": False}
        # longer than a proxy keeps its side: who closes first while the other asks makes an error of it
        config = uvicorn.Config(app, server_header=False, timeout_keep_alive=KEEP_ALIVE_S, **quiet)

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    _tell(sock, log_format)

        server = Server(config)
        with Crew(workers, _arguments(place, root, settings, lease, log_format), queue), suppress(KeyboardInterrupt):
            server.run(sockets=[sock])
        if not server.started:
            raise typer.Exit(STEP_FAILED)


def _bound(host: str, port: int) -> socket.socket:
    """The address that is served, taken before anything is started.

    Raises
    ------
    UsageError
        Somebody listens there already, or it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends short answers at once (TCP_NODELAY) for a socket that says it is TCP: 40 ms an answer otherwise
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror}. Choose another --port") from error
    return sock


def _tell(sock: socket.socket, log_format: str | None) -> None:
    """Say where it answers: on a line of its own, or of the log."""
    host, port = sock.getsockname()[:2]
    told = f"listens on http://{f'[{host}]' if ':' in host else host}:{port}"
    if log_format is None:
        typer.echo(f"kintsu: {told} (Ctrl-C stops it)", err=True)
    else:
        logging.getLogger("kintsu.api").info(told)


def _check_format(log_format: str | None) -> None:
    from kintsu.apps.api.logs import FORMATS

    if log_format is not None and log_format not in FORMATS:
        raise UsageError(f"--log-format is {' or '.join(FORMATS)}, not {log_format!r}")


def _log(log_format: str | None) -> None:
    from kintsu.apps.api.logs import to_stream

    if log_format is not None:
        to_stream(log_format)


def _named(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise UsageError(f"--treatment is NAME=DIR, not {text!r}: name the table, then what `kintsu train` made")
    return name, Path(folder).resolve()


def worker(
    home: o.Home = None,
    root: Roots = None,
    store: StoreUrl = None,
    blobs: SharedBlobs = None,
    queue: QueueUrl = None,
    settings: SettingsFile = None,
    lease: Lease = 30.0,
    log_format: LogFormat = None,
    processes: Annotated[int, typer.Option(metavar="N", min=1, help="Jobs at a time, each in a process.")] = 1,
    parent: Annotated[
        int | None, typer.Option(metavar="PID", help="End with this process, which started the worker.")
    ] = None,
) -> None:
    """Do the jobs of `kintsu serve`: heals, checks, training, monitors; and hand in what is scheduled."""
    try:
        import huey  # noqa: F401 - the rest would fail later, in the middle of a job
    except ModuleNotFoundError as error:
        raise MissingExtra("huey", "serve") from error
    from kintsu.apps.api.settings import ServeSettings
    from kintsu.apps.office import Office
    from kintsu.apps.traces import export_spans
    from kintsu.apps.worker import Crew, Worker

    _check_format(log_format)
    place = _home(home, store, blobs)
    if processes > 1:
        with Crew(processes, _arguments(place, root, settings, lease, log_format), queue) as crew:
            crew.wait()
        return
    export_spans()
    _log(log_format)
    roots = tuple(path.resolve() for path in root or [])
    chosen = ServeSettings(home=place, roots=roots, queue=queue, lease_s=lease, file=settings)
    Worker(Office(chosen), parent=parent).run()


def _arguments(
    home: Path, root: list[Path] | None, settings: Path | None, lease: float, log_format: str | None
) -> list[str]:
    """Of the command that starts a worker of the same service; without a URL, which may hold a password."""
    told = {"--home": home, "--settings": settings, "--lease": lease, "--log-format": log_format}
    named = [(name, str(value)) for name, value in told.items() if value is not None]
    return [part for pair in (*named, *(("--root", str(path)) for path in root or [])) for part in pair]


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


def _home(home: Path | None, store: str | None = None, blobs: Path | None = None) -> Path:
    from kintsu.io.store import home as homes

    place = home.expanduser().absolute() if home is not None else homes.home_for(None)
    if store is not None:
        return homes.remember(place, store, blobs=None if blobs is None else blobs.expanduser().absolute())
    if blobs is not None:
        raise UsageError("--blobs is for the values of a database: name that with --store")
    return place
