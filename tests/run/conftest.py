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
