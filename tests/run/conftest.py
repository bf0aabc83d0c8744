"""Shared by the tests of this room."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kintsu.core.registered import BUILT_IN
from kintsu.core.registry import _targets


@pytest.fixture
def tiny_is_known(monkeypatch):
    """The small text format of these tests is a connector like any other."""
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.setitem(BUILT_IN["connectors"], "tiny", "tiny:Tiny")
    _targets.cache_clear()
    yield
    _targets.cache_clear()


@pytest.fixture(scope="session")
def treatment_folder(tmp_path_factory):
    """What was trained on some orders: seconds, so once for all."""
    import kintsu as kt
    from kintsu.run.generate import generate

    folder = tmp_path_factory.mktemp("trained")
    generate("orders", 600, seed=1, errors=0.03).dirty.write_csv(folder / "orders.csv")
    kt.train(folder / "orders.csv", out=folder / "treatment", home=folder, crash_test=False, auto=0.7)
    return folder / "treatment"
