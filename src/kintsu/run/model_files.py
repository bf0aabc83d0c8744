"""A version of a model as one file, to be carried to another store: a zip of its description and its body."""

from __future__ import annotations

import getpass
import hashlib
import io
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from kintsu.core.errors import InputError, OutputError
from kintsu.io.store.atomic import explained, rename, temporary
from kintsu.io.store.models import About, ModelVersion
from kintsu.run.models import Models, kind_of

__all__ = ["export_model", "import_model"]

FORMAT: Final = 1
DESCRIPTION: Final = "kintsu-model.json"
BODY: Final = "body"
MOST_BYTES: Final = 1 << 30  # unpacked


def export_model(
    models: Models, name: str, out: Path | str, *, version: int | None = None, force: bool = False
) -> ModelVersion:
    """Write a version (else the live one, else the newest) with all that is known of it into one file.

    Raises
    ------
    OutputError
        `out` exists and `force` is not given, or it cannot be written.
    """
    told, path = models.find(name, version), Path(out)
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another name, or replace it with --force")
    body = models.registry.body(name, told.version)
    description = {"format": FORMAT, "name": name, "version": told.version, "created_at": told.created_at,
                   "created_by": told.created_by, "sha256": told.sha256, "about": asdict(told.about)}  # fmt: skip
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr(DESCRIPTION, json.dumps(description, ensure_ascii=False))
        file.writestr(BODY, body)
    with explained(path), temporary(path) as fresh:
        fresh.write_bytes(held.getvalue())
        rename(fresh, path, replace=force)
    return told


def import_model(models: Models, path: Path | str, name: str | None = None, *, by: str | None = None) -> ModelVersion:
    """Register what `export_model` wrote, or a model that `train_issue_model` wrote, as a candidate.

    The body is read once before it is kept. `name` is the one that it had, else.

    Raises
    ------
    InputError
        The file holds no model, was altered, or is of a version that cannot be used.
    """
    told = _read(Path(path), name)
    kind_of(told[0]).read(told[1], str(path))
    return models.registry.register(*told, by=by or getpass.getuser())


def _read(path: Path, name: str | None) -> tuple[str, bytes, About]:
    try:
        data = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if DESCRIPTION not in file.namelist():  # an .npz of its own
                return name or "issues", data, About(lineage={"imported": path.name})
            if sum(each.file_size for each in file.infolist()) > MOST_BYTES:
                raise InputError(f"{path} unpacks to more than 1 GiB: that is no model")
            told, body = json.loads(file.read(DESCRIPTION)), file.read(BODY)
        if told["format"] != FORMAT:
            raise InputError(f"{path} is of format {told['format']}, this version reads {FORMAT}")
        about = About(**told["about"])
        origin = {"imported": path.name, "version": told["version"], "created_at": told["created_at"]}
        if hashlib.sha256(body).hexdigest() != told["sha256"]:
            raise InputError(f"{path} was altered: its model does not match its SHA-256. Export it again")
        return name or told["name"], body, replace(about, lineage={**about.lineage, **origin})
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no model: it is no file that `kintsu models export` wrote ({error})") from error
