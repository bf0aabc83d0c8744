"""The registry of models in MLflow, over a SQLite file: the laws of our own registry."""

import warnings
from pathlib import Path

import pytest

from kintsu.core.errors import InputError, MissingExtra, UsageError
from kintsu.io.store.history import History
from kintsu.io.store.mlflow_models import MlflowRegistry
from kintsu.io.store.models import ARCHIVED, CANDIDATE, LIVE, About
from kintsu.run.live_model import open_registry

ABOUT = About({"right": 0.9, "issues": {"drift": 1.0}}, {"seed": 3}, {"tables": {}}, {"parent": "shipped"})


def test_a_missing_package_names_the_line_that_installs_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=r"kintsu\[mlflow\]"):
        MlflowRegistry("sqlite:///none.db").versions()


@pytest.fixture
def registry(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        pytest.importorskip("mlflow")
        yield open_registry(History(tmp_path / "store"), f"mlflow:sqlite:///{tmp_path}/mlflow.db")


def stages(registry):
    return [each.stage for each in registry.versions("issues:orders")]


def test_a_version_comes_back_and_is_promoted_and_taken_back(registry):
    from mlflow import MlflowClient

    assert registry.versions() == [] and registry.live(["issues:orders"]) == {}
    for i in range(3):
        made = registry.register("issues:orders", f"body {i}".encode(), ABOUT, by="ann")
        assert (made.version, made.stage, made.created_by, made.about) == (i + 1, CANDIDATE, "ann", ABOUT)
    assert [each.name for each in registry.versions()] == ["issues:orders"] * 3
    assert registry.body("issues:orders", 2) == b"body 1"
    run = MlflowClient(registry.uri).search_runs(["1"])[0]
    assert run.data.metrics == {"right": 0.9} and run.data.params == {"seed": "3"}

    past = []
    for version in (1, 3, 1):
        past.append(stages(registry))
        registry.promote("issues:orders", version, by="ann", why="try")
        assert stages(registry).count(LIVE) == 1
        assert registry.live(["issues:orders", "none"])["issues:orders"].version == version
    assert stages(registry) == [LIVE, CANDIDATE, ARCHIVED]
    with pytest.raises(UsageError, match="is live already"):
        registry.promote("issues:orders", 1, by="ann")
    with pytest.raises(UsageError, match="there is 1, 2, 3"):
        registry.promote("issues:orders", 7, by="ann")
    while past:
        registry.rollback("issues:orders", by="bob")
        assert stages(registry) == past.pop()
    with pytest.raises(UsageError, match="take back"):
        registry.rollback("issues:orders", by="bob")
    assert [each.version for each in registry.promotions("issues:orders")] == [1, 3, 1, 3, 1, None]

    other = MlflowRegistry(registry.uri, "other")
    assert other.versions() == [] and other.promotions("issues:orders") == []
    assert registry.prune("issues:orders", keep=1) == 2
    assert [each.version for each in registry.versions("issues:orders")] == [3]


def test_a_body_that_was_altered_is_refused(registry, tmp_path):
    registry.register("issues", b"body", ABOUT, by="ann")
    (body,) = Path(tmp_path, "mlartifacts").rglob("body")
    body.write_bytes(b"altered")
    with pytest.raises(InputError, match="was altered"):
        registry.body("issues", 1)
