"""Settings in YAML: every value with the file and line that it stands on, and every mistake told with both."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from kintsu.core.errors import InputError, UsageError

__all__ = ["Setting", "duration", "nearest", "parse_settings", "read_settings"]

UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
SHORT: Final = {"s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week"}
REFERENCE: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Setting:
    """A value of a YAML file: text, number, bool, None, or a mapping or list of settings."""

    value: Any  # what YAML may hold
    where: str  # file and line

    def wrong(self, message: str) -> UsageError:
        """The error to raise about this value."""
        return UsageError(f"{self.where}: {message}")

    def mapping(
        self, known: Sequence[str] | None = None, *, needed: Sequence[str] = (), form: str = ""
    ) -> dict[str, Setting]:
        """The values by key; a key that is not `known` is an error that names the nearest one.

        `form` is how such a mapping may be written, for the error where it is none; else one is made of the keys.
        """
        if not isinstance(self.value, Mapping):
            keys = ", ".join(f"{key}: ..." for key in needed or (known or ())[:1])
            raise self.wrong(
                f"expected a mapping, found {_shown(self.value)}{_written(form or (keys and f'{{{keys}}}'))}"
            )
        for key, setting in self.value.items():
            if known is not None and key not in known:
                raise setting.wrong(f"unknown key {key!r}{nearest(key, known)}")
        missing = [key for key in needed if key not in self.value]
        if missing:
            raise self.wrong(f"`{missing[0]}` is missing")
        return dict(self.value)

    def items(self, *, form: str = "") -> list[Setting]:
        """The members of a list; `form` is how one may be written, for the error where it is none."""
        if not isinstance(self.value, list):
            raise self.wrong(f"expected a list, found {_shown(self.value)}{_written(form)}")
        return list(self.value)

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong(f"expected a text, found {_shown(self.value)}")
        return self.value

    def number(self, *, least: float) -> float:
        """A number of at least `least`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not self.value >= least:
            raise self.wrong(f"expected a number of at least {least:g}, found {_shown(self.value)}")
        return float(self.value)

    def count(self, *, least: int) -> int:
        """A whole number of at least `least`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self.wrong(f"expected a whole number of at least {least}, found {_shown(self.value)}")
        return self.value

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"expected true or false, found {_shown(self.value)}")
        return self.value

    def choice(self, known: Sequence[str]) -> str:
        """One of a few words."""
        if self.value not in known:
            raise self.wrong(f"unknown word {self.value!r}{nearest(str(self.value), known)}")
        return str(self.value)

    def duration(self) -> timedelta:
        """A duration such as "15 minutes"."""
        if not isinstance(self.value, str):
            raise self.wrong(f"expected a duration such as '15 minutes', found {_shown(self.value)}")
        try:
            return duration(self.value)
        except UsageError as error:
            raise self.wrong(str(error)) from error

    def secret(self, environment: Mapping[str, str], *, is_required: bool = True) -> str:
        """A text in which ${NAME} stands for a variable of the environment; its value is in no error.

        A secret that is written out in the file is refused, unless `is_required` is False.
        """
        text = self.text()
        if is_required and not REFERENCE.search(text):
            raise self.wrong(
                "a secret stands in the environment, not in this file: write ${NAME} for the variable NAME"
            )
        missing = [name for name in REFERENCE.findall(text) if not environment.get(name)]
        if missing:
            raise self.wrong(f"the environment has no variable {missing[0]}; set it, or take ${{{missing[0]}}} out")
        return REFERENCE.sub(lambda found: environment[found.group(1)], text)

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, Mapping):
            return {key: setting.plain() for key, setting in self.value.items()}
        return [setting.plain() for setting in self.value] if isinstance(self.value, list) else self.value


def nearest(word: str, known: Sequence[str]) -> str:
    """ "; did you mean ...?" with the nearest known word, or the list of all where none is near."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def duration(text: str) -> timedelta:
    """A duration from a number and a unit.

    Raises
    ------
    UsageError
        It is no such duration.

    Examples
    --------
    >>> duration("90 minutes"), duration("6h")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=21600))
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", text)
    unit = SHORT.get(found.group(2), found.group(2)) if found else ""
    if found is None or unit.removesuffix("s") not in UNITS:
        units = tuple(f"{name}s" for name in UNITS)
        hint = nearest(unit, units) if unit else f" (units: {', '.join(units)})"
        raise UsageError(f"expected a duration such as '15 minutes', found {text!r}{hint}")
    try:
        return timedelta(seconds=float(found.group(1)) * UNITS[unit.removesuffix("s")])
    except OverflowError as error:
        raise UsageError(f"the duration {text!r} is too long") from error


def read_settings(path: Path | str) -> Setting:
    """The settings of a YAML file.

    Raises
    ------
    InputError
        The file cannot be read.
    UsageError
        It is no YAML, or a key stands in it twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read settings from {os.fspath(path)}: {error}") from error
    return parse_settings(text, os.fspath(path))


def parse_settings(text: str, where: str = "settings") -> Setting:
    """The settings of YAML text; `where` names it in errors. Empty text is an empty mapping."""
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        return Setting({}, where) if root is None else _setting(loader, root, where)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{where}{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise UsageError(f"{where}: nested too deep") from error
    finally:
        loader.dispose()


def _setting(loader: Any, node: Any, where: str) -> Setting:
    """`loader` and `node` are PyYAML's, which has no types of its own."""
    import yaml

    here = f"{where}, line {node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Setting] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                told = (
                    f"{key.value!r} stands here twice" if isinstance(key, yaml.ScalarNode) else "expected a plain key"
                )
                raise UsageError(f"{where}, line {key.start_mark.line + 1}: {told}")
            found[key.value] = _setting(loader, value, where)
        return Setting(found, here)
    if isinstance(node, yaml.SequenceNode):
        return Setting([_setting(loader, member, where) for member in node.value], here)
    return Setting(loader.construct_object(node), here)


def _written(form: str) -> str:
    return f": write {form}" if form else ""


def _shown(value: Any) -> str:
    """What was found, without the values in it: they may be secret."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else f"{type(value).__name__} {value!r}" if not isinstance(value, str) else "text"
