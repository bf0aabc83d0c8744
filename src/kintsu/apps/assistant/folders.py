"""The folders of this machine whose tables an assistant may work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.diagnose.masking import Veil
from kintsu.run.assess import opened
from kintsu.run.job_source import Limits, checked

__all__ = ["Folders", "fresh"]


@dataclass(frozen=True)
class Folders:
    """Folders, links resolved, and columns whose values nobody is told.

    Files in them are read, and mended tables are written beside these.
    """

    roots: tuple[Path, ...]
    sensitive: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def table(self, path: str) -> Path:
        """The file of a table that may be read.

        Raises
        ------
        UsageError
            It is not in one of the folders, or no file of a table.
        """
        named = Path(path).expanduser()
        # what does not exist is told like what is elsewhere: nobody finds out so what lies on this machine
        for place in (named,) if named.is_absolute() else tuple(root / named for root in self.roots):
            if place.is_file() and self.has(place):
                return checked(place.resolve(), self.limits)
        raise UsageError(f"no file {path!r} in {self}: other folders need --root")

    def has(self, path: Path) -> bool:
        """Whether a path leads into one of the folders."""
        place = path.resolve()
        return any(place.is_relative_to(root) for root in self.roots)

    def hidden(self, source: Path) -> tuple[str, ...]:
        """The sensitive columns that this table has."""
        if not self.sensitive:
            return ()
        columns = opened(source, ReadOptions()).columns
        return tuple(name for name in self.sensitive if name in columns)

    @property
    def veil(self) -> Veil:
        """What is masked in runs of whoever made them: those of others need not know of our sensitive columns."""
        return Veil(tuple(map(escape, self.sensitive)))

    def __str__(self) -> str:
        return ", ".join(map(str, self.roots))


def fresh(source: Path) -> Path:
    """A name beside a file that nothing has yet: orders.healed.csv, orders.healed-2.csv, ..."""
    stem, suffix = source.name.split(".")[0], "".join(source.suffixes)
    for n in range(1, 10_000):
        place = source.with_name(f"{stem}.healed{'' if n == 1 else f'-{n}'}{suffix}")
        if not place.exists():
            return place
    raise UsageError(f"{source.name} was mended thousands of times: remove some of {stem}.healed-*{suffix}")
