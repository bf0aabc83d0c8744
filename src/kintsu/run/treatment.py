"""The folder of a treatment: `treatment.yaml`, which people read and edit, and `model.zip`, which holds data alone."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import kintsu
from kintsu.core.errors import InputError, OutputError
from kintsu.core.policy import Policy
from kintsu.core.settings import Setting, read_settings
from kintsu.io.model_file import dump, load
from kintsu.run.replay import DECISIONS, Kept, KeptRecipe, Mended, Treatment
from kintsu.run.unmendable import Need, Quarantine

__all__ = ["MANIFEST", "MODEL", "Mended", "Treatment", "load_treatment", "packed", "save_treatment"]

MANIFEST: Final = "treatment.yaml"
MODEL: Final = "model.zip"
VERSION: Final = 1
_HEAD: Final = """\
# A treatment of Kintsu: what a table taught, to be replayed on any rows (kintsu heal --treatment FOLDER).
# You may edit: the `decision` of a recipe (apply, suggest, never), `settings`, the `type` and `required` of columns,
# and `quarantine`. What was learned lies in model.zip and is data alone.
"""
_SETTINGS: Final = ("auto", "never_touch", "only", "keys", "impute", "cap")
_TYPES: Final = ("text", "number", "date")


def packed(kept: Kept) -> bytes:
    """The bytes of `model.zip`."""
    return dump({each.name: getattr(kept, each.name) for each in fields(kept)})


def save_treatment(treatment: Treatment, model: bytes, out: Path | str, *, force: bool = False) -> Path:
    """Write the folder; it appears whole or not at all.

    Raises
    ------
    OutputError
        It exists already, or cannot be written.
    """
    target = Path(out)
    if target.exists() and not (force and (target / MANIFEST).is_file()):
        hint = "--force" if (target / MANIFEST).is_file() else "another name with -o"
        raise OutputError(f"{target} exists already: say {hint}")
    text = _HEAD + _yaml(_manifest(treatment, model))
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    try:
        (fresh / MODEL).write_bytes(model)
        (fresh / MANIFEST).write_text(text, encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        fresh.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _yaml(content: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120)
    return text


def _manifest(treatment: Treatment, model: bytes) -> dict[str, Any]:
    facts = treatment.kept.reference.facts
    policy = treatment.policy.to_dict()
    quarantine = treatment.quarantine
    columns = []
    for name in treatment.columns:
        need = quarantine.needs.get(name, Need())
        told: dict[str, Any] = {"name": name, "type": need.type}
        if need.format:
            told["format"] = need.format
        columns.append(told | {"required": need.required, "stored_as": facts[name].dtype})
    return {
        "version": VERSION,
        "kintsu": kintsu.__version__,
        "trained": dict(treatment.trained),
        "table": treatment.table,
        "model": {"file": MODEL, "sha256": sha256(model).hexdigest()},
        "settings": {name: policy[name] for name in _SETTINGS} | {"sensitive": list(treatment.sensitive)},
        "columns": columns,
        "quarantine": {
            "unreadable": quarantine.unreadable,
            "required": quarantine.required,
            "rules": quarantine.rules,
            "findings": dict(quarantine.findings),
        },
        "recipes": [_told(name, each, treatment.sensitive) for name, each in treatment.recipes.items()],
        "left_out": dict(treatment.left_out),
    }


def _told(name: str, each: KeptRecipe, sensitive: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": name, "does": each.recipe.text, "decision": each.decision}
    if each.why:
        told["why"] = each.why
    told |= {"healer": each.recipe.healer, "column": each.recipe.column, "cells": each.cells, "applied": each.applied}
    if each.confidence is not None:
        told["confidence"] = round(each.confidence, 4)
    if each.examples and not sensitive:
        told["examples"] = [{"old": old, "new": new} for old, new in each.examples]
    return told


def load_treatment(folder: Path | str) -> Treatment:
    """The treatment in a folder; read-only from then on, and safe for any number of threads.

    Raises
    ------
    InputError
        The folder is no treatment, damaged, or of a newer version.
    UsageError
        The manifest was edited into something that is not understood; names the line.
    """
    where = Path(folder)
    if not (where / MANIFEST).is_file():
        raise InputError(f"{where} is no treatment: there is no {MANIFEST} in it; make one with kintsu train")
    root = read_settings(where / MANIFEST)
    told = root.mapping(
        ("version", "kintsu", "trained", "table", "model", "settings", "columns", "quarantine", "recipes", "left_out"),
        needed=("version", "model", "settings", "columns", "recipes"),
    )
    if told["version"].value != VERSION:
        by = told["kintsu"].value if "kintsu" in told else "another version"
        raise InputError(
            f"{where / MANIFEST} is of version {told['version'].value}, made by Kintsu {by}; this is Kintsu "
            f"{kintsu.__version__}, which reads version {VERSION}: upgrade it, or train again"
        )
    kept = _kept(where, told["model"])
    policy = _policy(told["settings"], kept)
    needs = dict(_need(each, kept) for each in told["columns"].items())
    quarantine = _quarantine(told.get("quarantine"), needs)
    recipes = dict(_recipe(line, kept) for line in told["recipes"].items())
    content = {
        "model": told["model"].plain(),
        "policy": policy.to_dict(),
        "needs": {name: vars(need) for name, need in needs.items()},
        "quarantine": [quarantine.unreadable, quarantine.required, quarantine.rules, dict(quarantine.findings)],
        "recipes": {name: each.decision for name, each in recipes.items()},
    }
    return Treatment(
        id=sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16],
        table=kept.reference.table.name,
        columns=kept.reference.columns,
        policy=policy,
        recipes=recipes,
        quarantine=quarantine,
        kept=kept,
        left_out=told["left_out"].plain() if "left_out" in told else {},
        trained=told["trained"].plain() if "trained" in told else {},
    )


def _kept(where: Path, setting: Setting) -> Kept:
    """What lies in the model's file, if that is the file of this manifest."""
    told = setting.mapping(("file", "sha256"), needed=("file", "sha256"))
    name = told["file"].text()
    if Path(name).name != name:
        raise told["file"].wrong(f"{name!r} is no file of this folder")
    try:
        data = (where / name).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {where / name}: {error.strerror or error}; train again") from error
    if sha256(data).hexdigest() != told["sha256"].text():
        raise InputError(f"{where / name} is damaged or of another treatment: its hash is not that of {MANIFEST}")
    held = load(data, where / name)
    try:
        return Kept(**held)
    except TypeError as error:
        raise InputError(f"{where / name} holds no treatment ({error}): train again") from error


def _policy(setting: Setting, kept: Kept) -> Policy:
    told = setting.mapping((*_SETTINGS, "sensitive"))
    auto = told["auto"].number(least=0) if "auto" in told else 0.95
    if auto > 1:
        raise told["auto"].wrong(f"auto is a number between 0 and 1, not {auto:g}")
    names = {
        name: frozenset(_column(each, kept) for each in told[name].items())
        for name in ("never_touch", "only", "keys")
        if name in told
    }
    flags = {name: told[name].flag() for name in ("impute", "cap") if name in told}
    return Policy(auto=auto, **names, **flags)  # type: ignore[arg-type]


def _column(setting: Setting, kept: Kept) -> str:
    name = setting.value
    if not isinstance(name, str) or name not in kept.reference.facts:
        raise setting.wrong(f"the treatment has no column {name!r}; it has {', '.join(kept.reference.columns)}")
    return str(name)


def _need(setting: Setting, kept: Kept) -> tuple[str, Need]:
    told = setting.mapping(("name", "type", "format", "required", "stored_as"), needed=("name", "type", "required"))
    kind = told["type"].choice(_TYPES)
    form = told["format"].text() if "format" in told else None
    return _column(told["name"], kept), Need(kind, form, told["required"].flag())


def _quarantine(setting: Setting | None, needs: dict[str, Need]) -> Quarantine:
    if setting is None:
        return Quarantine(needs)
    told = setting.mapping(("unreadable", "required", "rules", "findings"))
    flags = {name: told[name].flag() for name in ("unreadable", "required", "rules") if name in told}
    plain = Quarantine(needs, **flags)  # type: ignore[arg-type]
    if "findings" not in told:
        return plain
    least = {name: each.number(least=0) for name, each in told["findings"].mapping().items()}
    return replace(plain, findings=least)


_LINE: Final = ("id", "does", "decision", "why", "healer", "column", "cells", "applied", "confidence", "examples")


def _recipe(setting: Setting, kept: Kept) -> tuple[str, KeptRecipe]:
    told = setting.mapping(_LINE, needed=("id", "decision"))
    name, decision = told["id"].text(), told["decision"].choice(DECISIONS)
    recipe = kept.recipes.get(name)
    if recipe is None:
        raise told["id"].wrong(f"there is no recipe {name!r} in {MODEL}")
    return name, KeptRecipe(
        recipe,
        decision,
        str(told["why"].value) if "why" in told else "",
        told["cells"].count(least=0) if "cells" in told else 0,
        told["applied"].count(least=0) if "applied" in told else 0,
        told["confidence"].number(least=0) if "confidence" in told else None,
    )
