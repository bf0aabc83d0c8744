"""Kintsu finds bad data in tables and mends it: explained, calibrated, undoable.

>>> import polars as pl, kintsu as kt
>>> kt.heal  # doctest: +ELLIPSIS
<...kintsu.heal...>

Everything here is imported on first use; `import kintsu` costs milliseconds.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kintsu.apps.client.client import Client
    from kintsu.core.contracts import ReadOptions
    from kintsu.core.errors import KintsuError
    from kintsu.run.check import check
    from kintsu.run.compare import compare
    from kintsu.run.crash_test import crash_test
    from kintsu.run.diff import diff
    from kintsu.run.drift import drift
    from kintsu.run.forecast import forecast_volume, judge_lateness
    from kintsu.run.gate import gate
    from kintsu.run.heal import heal
    from kintsu.run.monitor import Monitor
    from kintsu.run.profile import profile
    from kintsu.run.score_rows import score_rows
    from kintsu.run.stream_monitor import StreamMonitor
    from kintsu.run.train import train
    from kintsu.run.treatment import Treatment, load_treatment
    from kintsu.run.undo import undo
    from kintsu.run.watch import watch
    from kintsu.run.watch_folder import watch_folder

__version__ = "0.1.0"

__all__ = [
    "Client",
    "KintsuError",
    "Monitor",
    "ReadOptions",
    "StreamMonitor",
    "Treatment",
    "__version__",
    "check",
    "compare",
    "crash_test",
    "diff",
    "drift",
    "forecast_volume",
    "gate",
    "heal",
    "judge_lateness",
    "load_treatment",
    "profile",
    "score_rows",
    "train",
    "undo",
    "watch",
    "watch_folder",
]

_FACE: Final[dict[str, str]] = {
    "Client": "kintsu.apps.client.client",
    "KintsuError": "kintsu.core.errors",
    "Monitor": "kintsu.run.monitor",
    "ReadOptions": "kintsu.core.contracts",
    "StreamMonitor": "kintsu.run.stream_monitor",
    "Treatment": "kintsu.run.treatment",
    "check": "kintsu.run.check",
    "compare": "kintsu.run.compare",
    "crash_test": "kintsu.run.crash_test",
    "diff": "kintsu.run.diff",
    "drift": "kintsu.run.drift",
    "forecast_volume": "kintsu.run.forecast",
    "gate": "kintsu.run.gate",
    "judge_lateness": "kintsu.run.forecast",
    "load_treatment": "kintsu.run.treatment",
    "score_rows": "kintsu.run.score_rows",
    "train": "kintsu.run.train",
    "undo": "kintsu.run.undo",
    "watch": "kintsu.run.watch",
    "watch_folder": "kintsu.run.watch_folder",
}
_VERBS: Final[dict[str, str]] = {"heal": "kintsu.run.heal", "profile": "kintsu.run.profile"}
"""Public functions that share their name with a room: the room's module is made callable."""


class _Room(ModuleType):
    """A room that can be called: `kt.heal(x)` is `kintsu.run.heal.heal(x)`, and `kintsu.heal.<healer>` still works."""

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(self._verb())

    def _verb(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(_VERBS[name]), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._verb()(*arguments, **options)


class _Face(ModuleType):
    """This package: rooms that share a verb's name become callable as soon as they are imported, by whomever."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _VERBS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    if name in _VERBS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Face
