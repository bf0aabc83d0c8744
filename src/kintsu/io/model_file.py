"""Trained models in one file that holds data and no code: what cannot be told as data is refused, by name.

The file is a ZIP of `tree.json` (the objects), `NNNN.npy` (numpy arrays, never pickled) and `NNNN.arrow` (frames and
series). Reading builds dataclasses of Kintsu and of registered plug-ins, and nothing else: no import of another module,
no pickle, no call. The same objects give the same bytes.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.errors import InputError, KintsuError
from kintsu.core.registry import packages

__all__ = ["FORMAT", "NotData", "dump", "load"]

FORMAT: Final = 1
MOST_BYTES: Final = 4 * 2**30  # unpacked; more is no treatment but a trap
ROOMS: Final = ("core", "profile", "rules", "match", "detect", "heal", "learn")  # the rooms that touch nothing outside
_KEY: Final = "~"  # the key that says what an object of JSON stands for
_DAMAGED: Final = "it is damaged, or of another version of Kintsu: train again"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class NotData(KintsuError):
    """An object that has no form as data; `where` is the path of fields to it."""

    def __init__(self, thing: object, where: str) -> None:
        super().__init__(f"{where or 'the model'} is a {type(thing).__module__}.{type(thing).__qualname__}")
        self.where = where


class _Writer:
    def __init__(self) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self._places: dict[int, int] = {}
        self._held: list[object] = []  # so that no id is given to another object meanwhile

    def told(self, thing: Any, where: str = "") -> Any:
        """The object as JSON."""
        if thing is None or (isinstance(thing, bool | str) and type(thing) in (bool, str)):
            return thing
        if type(thing) is int:
            return thing
        if type(thing) is float:
            return thing if np.isfinite(thing) else {_KEY: "float", "of": repr(thing)}
        if isinstance(thing, np.generic):
            return {_KEY: "scalar", "of": self._array(np.asarray(thing))}
        if type(thing) is list:
            return [self.told(member, f"{where}[{i}]") for i, member in enumerate(thing)]
        simple = _simple(thing)
        if simple is not None:
            return {_KEY: simple[0], "of": simple[1]}
        if id(thing) in self._places:
            return {_KEY: "same", "of": self._places[id(thing)]}
        if type(thing) in (tuple, set, frozenset):
            members = list(thing) if type(thing) is tuple else sorted(thing, key=repr)
            told = [self.told(member, f"{where}[{i}]") for i, member in enumerate(members)]
            return {_KEY: type(thing).__name__, "of": told}
        if type(thing) in (dict, MappingProxyType):
            lines = [
                [self.told(key, where), self.told(value, f"{where}.{key}" if where else str(key))]
                for key, value in thing.items()
            ]
            return {_KEY: "dict", "of": lines}
        return self._shared(thing, where)

    def _shared(self, thing: Any, where: str) -> dict[str, Any]:
        """Frames, arrays and dataclasses: written once, however often they are referred to."""
        place = self._places[id(thing)] = len(self._places)
        self._held.append(thing)
        if isinstance(thing, np.ndarray):
            if thing.dtype.hasobject:
                raise NotData(thing, where)
            return {_KEY: "array", "of": self._array(thing), "is": place}
        if isinstance(thing, pl.Series | pl.DataFrame):
            frame = thing if isinstance(thing, pl.DataFrame) else pl.DataFrame({"": thing})
            name = thing.name if isinstance(thing, pl.Series) else None
            told = {_KEY: "frame" if name is None else "series", "of": self._frame(frame, where), "is": place}
            return told if name is None else told | {"name": name}
        if is_dataclass(thing) and not isinstance(thing, type):
            kind = type(thing)
            if not _is_ours(kind):
                raise NotData(thing, where)
            values = {
                each.name: self.told(getattr(thing, each.name), f"{where}.{each.name}" if where else each.name)
                for each in fields(thing)
                if each.init
            }
            return {_KEY: f"{kind.__module__}:{kind.__qualname__}", "of": values, "is": place}
        raise NotData(thing, where)

    def _array(self, array: np.ndarray) -> str:
        held = io.BytesIO()
        np.save(held, array, allow_pickle=False)
        return self._part("npy", held.getvalue())

    def _frame(self, frame: pl.DataFrame, where: str) -> str:
        if any(dtype.is_object() for dtype in frame.dtypes):
            raise NotData(frame, where)
        held = io.BytesIO()
        frame.rechunk().write_ipc(held, compat_level=pl.CompatLevel.oldest())  # views of text may share memory
        return self._part("arrow", held.getvalue())

    def _part(self, suffix: str, data: bytes) -> str:
        name = f"{len(self.parts):05d}.{suffix}"
        self.parts.append((name, data))
        return name


def _simple(thing: Any) -> tuple[str, Any] | None:
    """The word and the JSON of values that hold no others."""
    if type(thing) is bytes:
        return "bytes", base64.b64encode(thing).decode("ascii")
    if type(thing) in (datetime, date, time):
        return type(thing).__name__, thing.isoformat()
    if type(thing) is timedelta:
        return "timedelta", [thing.days, thing.seconds, thing.microseconds]
    if type(thing) is re.Pattern and isinstance(thing.pattern, str):
        return "regex", [thing.pattern, thing.flags]
    if isinstance(thing, Enum) and _is_ours(type(thing)):
        return f"{type(thing).__module__}:{type(thing).__qualname__}", thing.name
    return None


_SIMPLE: Final[Mapping[str, Any]] = {
    "float": float,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "regex": lambda parts: re.compile(parts[0], parts[1]),
}


def _is_ours(kind: type) -> bool:
    """Whether a class stands, under its own name, in a room of Kintsu that touches nothing, or in a plug-in."""
    module = kind.__module__
    return _is_known(module) and "<" not in kind.__qualname__


def _is_known(module: str) -> bool:
    top, _, rest = module.partition(".")
    return rest.split(".")[0] in ROOMS if top == "kintsu" else top in packages()


class _Reader:
    def __init__(self, parts: zipfile.ZipFile) -> None:
        self._parts = parts
        self._known: dict[int, Any] = {}

    def made(self, told: Any) -> Any:
        """The object behind its JSON."""
        if isinstance(told, list):
            return [self.made(member) for member in told]
        if not isinstance(told, dict):
            return told
        word, of = told[_KEY], told["of"]
        if word == "same":
            return self._known[of]
        if word in _SIMPLE:
            return _SIMPLE[word](of)
        if word in ("tuple", "set", "frozenset"):
            members = [self.made(member) for member in of]
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[word](members)
        if word == "dict":
            return {self.made(key): self.made(value) for key, value in of}
        if word == "scalar":
            return self._array(of)[()]
        if isinstance(of, str) and ":" in word:
            return _class(word, Enum)[of]
        return self._remembered(told, word, of)

    def _remembered(self, told: dict[str, Any], word: str, of: Any) -> Any:
        if word == "array":
            made: Any = self._array(of)
            made.setflags(write=False)
        elif word in ("frame", "series"):
            made = pl.read_ipc(io.BytesIO(self._parts.read(of)))
            made = made if word == "frame" else made.to_series().alias(told["name"])
        else:
            kind: Any = _class(word, object)
            if not is_dataclass(kind):
                raise InputError(f"{word} is no dataclass")
            made = kind(**{name: self.made(value) for name, value in of.items()})  # type: ignore[operator]
        self._known[told["is"]] = made
        return made

    def _array(self, name: str) -> np.ndarray:
        return np.asarray(np.load(io.BytesIO(self._parts.read(name)), allow_pickle=False))


def _class(word: str, base: type) -> Any:
    """The class behind "module:Class", where its module may be asked."""
    module, _, name = word.partition(":")
    if not _is_known(module) or "<" in name:
        raise InputError(f"{word} is no class of Kintsu or of a plug-in that is installed here")
    found: Any = import_module(module)
    for part in name.split("."):
        found = vars(found).get(part)
    if not isinstance(found, type) or found.__module__ != module or not issubclass(found, base):
        raise InputError(f"{word} is not known to this version of Kintsu")
    return found


def dump(thing: Any) -> bytes:
    """The file of an object.

    Raises
    ------
    NotData
        Something in it has no form as data.
    """
    writer = _Writer()
    tree = json.dumps({"format": FORMAT, "tree": writer.told(thing)}, ensure_ascii=False, separators=(",", ":"))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, data in [("tree.json", tree.encode("utf-8", "surrogatepass")), *writer.parts]:
            file.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def load(data: bytes, where: Path | str = "the model") -> Any:
    """The object that `dump` wrote.

    Raises
    ------
    InputError
        The file is damaged, newer than this version of Kintsu, or names what may not be built.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if sum(part.file_size for part in file.infolist()) > MOST_BYTES:
                raise InputError("it unpacks to more than 4 GiB")
            told = json.loads(file.read("tree.json").decode("utf-8", "surrogatepass"))
            if told["format"] > FORMAT:
                raise InputError(f"it is of format {told['format']}, and this version reads up to {FORMAT}: upgrade")
            return _Reader(file).made(told["tree"])
    except InputError as error:
        raise InputError(f"cannot read {where}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ImportError, RecursionError, OSError) as error:
        raise InputError(f"cannot read {where}: {_DAMAGED} ({type(error).__name__}: {error})") from error
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, pl.exceptions.PolarsError) as error:  # type: ignore[attr-defined]
        raise InputError(f"cannot read {where}: {_DAMAGED} ({type(error).__name__}: {error})") from error
