"""The service, asked through its own ASGI application: nothing is patched, only the network is left out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import polars as pl
import pytest
from starlette.testclient import TestClient

import kintsu as kt
from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings
from kintsu.io.service.keys import Keys
from kintsu.io.store.history import History

DIRTY = pl.DataFrame(
    {
        "id": range(60),
        "city": ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nice"],
        "price": [f"{10 + i % 7}.50" for i in range(58)] + ["11.50 EUR", "N/A"],
    }
)


@pytest.fixture
def connect(tmp_path) -> Iterator[Callable[..., TestClient]]:
    """A client of a service of our own; `sign_in=True` makes one that wants keys."""
    with ExitStack() as stack:

        def client(**settings) -> TestClient:
            app = create_app(ServeSettings(tmp_path / "home", **settings))
            return stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))

        yield client


@pytest.fixture
def key(tmp_path) -> Callable[..., dict[str, str]]:
    """Headers with a fresh key of a tenant and role."""

    def headers(tenant: str = "acme", role: str = "admin", **more) -> dict[str, str]:
        _, text = Keys(History(tmp_path / "home", tenant)).create(f"{role} of {tenant}", role, by="test", **more)
        return {"Authorization": f"Bearer {text}"}

    return headers


@pytest.fixture
def healed(tmp_path) -> Callable[[str], str]:
    """Heals a table into the store of a tenant; the id of the run."""

    def run(tenant: str = "local") -> str:
        home = tmp_path / "home" if tenant == "local" else tmp_path / "home" / "tenants" / tenant
        files = home / "files" / "made"
        files.mkdir(parents=True, exist_ok=True)
        path = files / "orders.csv"
        if not path.exists():
            DIRTY.write_csv(path)
        return kt.heal(path, home=home, auto=0.5, force=True).run

    return run
