"""The registry of models kept in MLflow: a registered model a name, a run a version, the alias "live"."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from kintsu.core.errors import MissingExtra, OutputError, UsageError
from kintsu.io.store.home import LOCAL
from kintsu.io.store.models import (
    ARCHIVED,
    CANDIDATE,
    LIVE,
    About,
    ModelVersion,
    Promotion,
    checked,
    nothing_to_take_back,
    unknown,
)
from kintsu.io.store.records import now_text

__all__ = ["MlflowRegistry"]

EXPERIMENT: Final = "kintsu"
BODY: Final = "body"
ABOUT: Final = "about.json"
MOST_WHY: Final = 1_000  # characters: tags are short
MOST_PARAMETER: Final = 500


@dataclass(frozen=True)
class MlflowRegistry:
    """As `ModelStore`, in MLflow's tracking server or its SQLite file.

    What is live is the alias "live", which may also be moved in MLflow itself. MLflow has no transactions over several
    calls: of two promotions at once one alias is left, and both stand in the history.

    Parameters
    ----------
    uri
        Such as sqlite:////var/lib/mlflow.db or https://mlflow.example.
    tenant
        Part of the names of its models.
    """

    uri: str
    tenant: str = LOCAL

    def register(self, name: str, body: bytes, about: About, *, by: str) -> ModelVersion:
        with _explained(self.uri) as client, tempfile.TemporaryDirectory() as folder:
            run = client.create_run(self._experiment(client), run_name=name).info
            for key, value in about.parameters.items():
                client.log_param(run.run_id, key, str(value)[:MOST_PARAMETER])
            for key, value in about.metrics.items():
                if isinstance(value, int | float):
                    client.log_metric(run.run_id, key, float(value))
            Path(folder, BODY).write_bytes(body)
            Path(folder, ABOUT).write_text(json.dumps(asdict(about), ensure_ascii=False), encoding="utf-8")
            client.log_artifacts(run.run_id, folder, "model")
            client.set_terminated(run.run_id)
            self._have(client, name)
            tags = {"sha256": hashlib.sha256(body).hexdigest(), "created_by": by}
            source = f"{run.artifact_uri}/model"
            made = client.create_model_version(self._key(name), source, run.run_id, tags=tags)
            return self._told(client, made, live=None)

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        with _explained(self.uri) as client:
            names = [name] if name is not None else self._names(client)
            return [told for each in names for told in self._versions(client, each)]

    def live(self, names: Sequence[str]) -> dict[str, ModelVersion]:
        with _explained(self.uri) as client:
            known = set(self._names(client)) & set(names)
            found = {each: self._live(client, each) for each in known}
            return {
                each: self._told(client, client.get_model_version(self._key(each), str(version)), live=version)
                for each, version in found.items()
                if version is not None
            }

    def body(self, name: str, version: int) -> bytes:
        with _explained(self.uri) as client:
            told = self._find(client, name, version)
            source = client.get_model_version(self._key(name), str(version)).source
            return checked(_artifact(client, source, BODY), told)

    def promote(self, name: str, version: int, *, by: str, why: str = "") -> ModelVersion:
        with _explained(self.uri) as client:
            told = self._find(client, name, version)
            before = self._live(client, name)
            if before == version:
                raise UsageError(f"version {version} of {name!r} is live already")
            self._note(client, name, version=version, before=before, stage=told.stage, by=by, why=why)
            if before is not None:
                client.set_model_version_tag(self._key(name), str(before), "stage", ARCHIVED)
            client.set_registered_model_alias(self._key(name), LIVE, str(version))
            return self._find(client, name, version)

    def rollback(self, name: str, *, by: str, why: str = "") -> ModelVersion | None:
        with _explained(self.uri) as client:
            notes = self._notes(client, name)
            taken_back = {note.get("undoes") for note in notes}
            left = [i for i, note in enumerate(notes) if "undoes" not in note and i not in taken_back]
            if not left:
                raise nothing_to_take_back(name)
            last = notes[left[-1]]
            key, before = self._key(name), last["before"]
            self._note(client, name, version=before, before=last["version"], undoes=left[-1], by=by, why=why)
            client.set_model_version_tag(key, str(last["version"]), "stage", last["stage"])
            if before is None:
                client.delete_registered_model_alias(key, LIVE)
                return None
            client.set_registered_model_alias(key, LIVE, str(before))
            return self._find(client, name, before)

    def promotions(self, name: str) -> list[Promotion]:
        with _explained(self.uri) as client:
            notes = self._notes(client, name)
            return [Promotion(name, n["version"], n["before"], n["at"], n["by"], n["why"]) for n in notes]

    def prune(self, name: str, *, keep: int) -> int:
        with _explained(self.uri) as client:
            spare = [each.version for each in self._versions(client, name) if each.stage == CANDIDATE]
            gone = spare[: max(len(spare) - keep, 0)]
            for version in gone:
                client.delete_model_version(self._key(name), str(version))
            return len(gone)

    # MLflow's own names

    def _key(self, name: str) -> str:
        return f"kintsu {quote(self.tenant, safe='')} {quote(name, safe='')}"  # MLflow allows no colon

    def _names(self, client: Any) -> list[str]:
        start, out, token = self._key(""), [], None
        while True:
            page = client.search_registered_models(max_results=1000, page_token=token)
            out += [unquote(each.name.removeprefix(start)) for each in page if each.name.startswith(start)]
            token = page.token
            if not token:
                return sorted(out)

    def _have(self, client: Any, name: str) -> None:
        if name not in self._names(client):
            client.create_registered_model(self._key(name), tags={"kintsu": name})

    def _experiment(self, client: Any) -> str:
        known = client.get_experiment_by_name(EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        place = None
        if self.uri.startswith("sqlite:///"):  # beside the database, wherever this was called from
            place = (Path(self.uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))

    def _versions(self, client: Any, name: str) -> list[ModelVersion]:
        if name not in self._names(client):
            return []
        live = self._live(client, name)
        held, token = [], None
        while True:
            found = client.search_model_versions(f"name = '{self._key(name)}'", page_token=token)
            held += list(found)
            token = found.token
            if not token:
                break
        return [self._told(client, each, live=live) for each in sorted(held, key=lambda each: int(each.version))]

    def _find(self, client: Any, name: str, version: int) -> ModelVersion:
        found = self._versions(client, name)
        for each in found:
            if each.version == version:
                return each
        raise unknown(name, version, [each.version for each in found])

    def _live(self, client: Any, name: str) -> int | None:
        aliases = client.get_registered_model(self._key(name)).aliases
        return int(aliases[LIVE]) if LIVE in aliases else None

    def _told(self, client: Any, held: Any, *, live: int | None) -> ModelVersion:
        made = datetime.fromtimestamp(held.creation_timestamp / 1000, UTC).isoformat(timespec="milliseconds")
        about = About(**json.loads(_artifact(client, held.source, ABOUT)))
        version, tags = int(held.version), held.tags
        return ModelVersion(
            name=unquote(held.name.removeprefix(self._key(""))),
            version=version,
            stage=LIVE if version == live else tags.get("stage", CANDIDATE),
            created_at=made.replace("+00:00", "Z"),
            created_by=tags.get("created_by", ""),
            sha256=tags.get("sha256", ""),
            about=about,
        )

    def _note(self, client: Any, name: str, *, by: str, why: str, **values: Any) -> None:
        n = len(self._notes(client, name))
        note = {**values, "at": now_text(), "by": by, "why": why[:MOST_WHY]}
        client.set_registered_model_tag(self._key(name), f"promotion.{n:06d}", json.dumps(note, ensure_ascii=False))

    def _notes(self, client: Any, name: str) -> list[dict[str, Any]]:
        if name not in self._names(client):
            return []
        tags = client.get_registered_model(self._key(name)).tags
        return [json.loads(tags[key]) for key in sorted(tags) if key.startswith("promotion.")]


def _artifact(client: Any, source: str, name: str) -> bytes:
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        place = download_artifacts(artifact_uri=f"{source}/{name}", dst_path=folder)
        return Path(place).read_bytes()


class _explained:
    """A client of MLflow; what it raises becomes an `OutputError` of one line."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __enter__(self) -> Any:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody asked for it
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise MissingExtra("mlflow", "mlflow") from error
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from mlflow.exceptions import MlflowException

        if isinstance(error, MlflowException):
            reason = str(error).partition("\n")[0]
            raise OutputError(f"MLflow at {self.uri.partition('@')[2] or self.uri} refuses: {reason}") from error
