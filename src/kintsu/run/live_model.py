"""The model in use: the registry's live one, else the one that comes with Kintsu."""

from __future__ import annotations

import os
from functools import lru_cache

from kintsu.core.errors import InputError, OutputError, UsageError
from kintsu.io.store.history import History
from kintsu.io.store.mlflow_models import MlflowRegistry
from kintsu.io.store.models import ModelStore, Registry
from kintsu.monitor.classify.model import IssueModel

__all__ = ["live_issue_model", "open_registry"]


def open_registry(history: History, place: str | None = None) -> Registry:
    """The registry of models: the history's own store, unless `place` or KINTSU_REGISTRY name another one.

    "mlflow:URI" keeps them in MLflow: mlflow:sqlite:////var/lib/mlflow.db, mlflow:https://mlflow.example.
    """
    chosen = place or os.environ.get("KINTSU_REGISTRY") or "store"
    kind, _, uri = chosen.partition(":")
    if chosen == "store":
        return ModelStore(history)
    if kind == "mlflow" and uri:
        return MlflowRegistry(uri, history.tenant)
    raise UsageError(f"no registry {chosen!r}: it is store or mlflow:URI; leave it out, and models are in the store")


def live_issue_model(history: History, table: str) -> tuple[IssueModel | None, str | None]:
    """The model that names the issues of a table; None for the one that comes with Kintsu.

    A live model that cannot be read must not keep batches from being judged: then the second value tells why it was
    not used.
    """
    registry = open_registry(history)
    names = (f"issues:{table}", "issues")
    try:
        live = registry.live(names)
        told = next((live[name] for name in names if name in live), None)
        return (None if told is None else _read(registry, told.name, told.version, told.sha256)), None
    except (InputError, OutputError) as error:
        return None, f"the issue is named by the model that comes with Kintsu: {error}"


@lru_cache(maxsize=8)  # a run over many tables reads it once; a version never changes
def _read(registry: Registry, name: str, version: int, sha256: str) -> IssueModel:
    return IssueModel.from_bytes(registry.body(name, version), f"version {version} of model {name!r}")
