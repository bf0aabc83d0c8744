"""Parquet: one file, a glob, or a partitioned (hive) folder. Batches and edits stream; row groups bound the memory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import polars as pl
from polars.io.plugins import register_io_source

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, OutputError
from kintsu.io.files import bytes_version, existing_file, has_suffix, reading, starts_with, writing
from kintsu.io.parquet_footer import Footer, read_footer
from kintsu.io.patch import Patch, beyond, fitting

__all__ = ["Parquet", "ParquetTable"]

SUFFIXES = (".parquet", ".parq", ".pq")
_MAGIC = b"PAR1"
_ONE_TABLE = (
    "Name one file, or a folder in which every file is Parquet with the same columns (key=value sub-folders may be "
    "in it)."
)
_LISTED = 8  # names that an error tells: enough to recognise the folder
_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"  # how Hive and Spark name the folder of a null key


@dataclass(frozen=True)
class Part:
    """One file of the table and what the folders above it say."""

    path: Path
    footer: Footer
    schema: pl.Schema
    keys: dict[str, str | None]


@dataclass(frozen=True)
class ParquetTable:
    """A table kept in one or more Parquet files. `root` is the file, or the folder that all files are in."""

    ref: TableRef
    root: Path
    parts: tuple[Part, ...]
    schema: pl.Schema
    is_whole: bool = True  # False for a glob: other files of the folder are not part of the table
    connector: str = "parquet"
    exact: bool = False
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema)

    @property
    def rows(self) -> int:
        return sum(part.footer.rows for part in self.parts)

    @property
    def is_folder(self) -> bool:
        return self.root.is_dir()

    @property
    def path(self) -> Path:
        return self.root

    @property
    def suffix(self) -> str:
        return "" if self.is_folder else self.root.suffix

    @cached_property
    def keys(self) -> dict[str, Any]:
        """Columns that folder names give, with their types. Where a file holds them too, the folder counts."""
        return {name: self.schema[name] for part in self.parts for name in part.keys}

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        names = list(self.schema) if columns is None else columns
        first = 0
        for frame in _regrouped((frame for part in self.parts for frame in self._frames(part, names, size)), size):
            yield Batch(self.ref, frame, pl.int_range(first, first + len(frame), eager=True).alias("row"))
            first += len(frame)

    def _frames(self, part: Part, names: list[str], size: int) -> Iterator[pl.DataFrame]:
        """Frames of one file with the table's columns: absent ones are null, folder keys constant."""
        stored = [name for name in names if name in part.schema and name not in part.keys]
        with reading(part.path, "Parquet"):
            yield from self._scan(part, names, stored, size)

    def _scan(self, part: Part, names: list[str], stored: list[str], size: int) -> Iterator[pl.DataFrame]:
        lazy = pl.scan_parquet(part.path, hive_partitioning=False, glob=False)
        chosen = [pl.col(name) if name in stored else self._constant(part, name) for name in names]
        if not stored:  # a scan of constants alone would have one row
            lazy = lazy.with_row_index("__n")
            chosen = [pl.col("__n"), *chosen]
        for frame in lazy.select(chosen).collect_batches(chunk_size=size, maintain_order=True):
            yield frame.select(names)

    def _raw(self, part: Part) -> Iterator[pl.DataFrame]:
        names = list(part.schema)
        with reading(part.path, "Parquet"):
            yield from self._scan(part, names, names, part.footer.rows_per_group)

    def _constant(self, part: Part, name: str) -> pl.Expr:
        return pl.lit(part.keys.get(name)).cast(pl.String).cast(self.schema[name]).alias(name)

    def describe(self) -> dict[str, Any]:
        return {"format": "parquet", "files": len(self.parts), "folder": self.is_folder, "keys": list(self.keys)}

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be written here: a text that is no number does not fit a column of numbers."""
        return fitting(edits, self.schema, self.keys)

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """A new file (or a folder in which only changed files are rewritten) with the edits applied.

        Order of rows, types, compression, size of row groups and key-value metadata stay.
        """
        if not self.is_folder:
            patch = Patch.of(edits, self.schema, self.ref.name)
            self._write(self.parts[0], patch, target)
            return patch.result()
        return self._patch_folder(edits, target)

    def _write(self, part: Part, patch: Patch, target: Path) -> None:
        frames = self._raw(part)
        with writing(target):
            register_io_source(lambda *_: patch.stream(frames), schema=patch.result_schema).sink_parquet(
                target,
                compression=part.footer.compression,
                metadata=_metadata(part.path),
                row_group_size=part.footer.rows_per_group,
                maintain_order=True,
            )

    def _patch_folder(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        Patch.of(edits, self.schema, self.ref.name, self.keys)  # refuse before anything is copied
        if len(edits.filter(pl.col("edit") == "add")):
            raise OutputError(f"{self.root}: rows cannot be added to one of many files; restore the stored original.")
        done, first = [], 0
        try:
            target.mkdir(parents=True, exist_ok=True)
            if self.is_whole:
                _copy_others(self.root, target, [part.path for part in self.parts])
            for part in self.parts:
                here = edits.filter(
                    pl.col("row").is_between(first, first + part.footer.rows - 1) | (pl.col("edit") == "cast")
                )
                done.append(self._patch_part(part, here, first, target / part.path.relative_to(self.root)))
                first += part.footer.rows
            if sum(map(len, done)) < len(edits.filter(pl.col("edit") != "cast")):
                raise beyond(self.ref.name, first)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        cast = edits.filter(pl.col("edit") == "cast")
        return pl.concat([*(frame.filter(pl.col("edit") != "cast") for frame in done), cast])

    def _patch_part(self, part: Part, edits: pl.DataFrame, first: int, target: Path) -> pl.DataFrame:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not len(edits):
            shutil.copy2(part.path, target)
            return edits
        patch = Patch.of(edits.with_columns(pl.col("row") - first), part.schema, f"{self.ref.name} ({part.path.name})")
        self._write(part, patch, target)
        return patch.result().with_columns(pl.col("row") + first)


def _regrouped(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """Neighbouring small frames joined up to `size` rows, so that many small files do not mean many small batches."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        if held and sum(map(len, held)) + len(frame) > size:
            yield pl.concat(held)
            held = []
        held.append(frame)
    if held:
        yield pl.concat(held)


def _metadata(path: Path) -> dict[str, str]:
    """Key-value metadata of a file; the Arrow schema is left out because the writer makes its own."""
    return {key: value for key, value in pl.read_parquet_metadata(path).items() if key != "ARROW:schema"}


def _copy_others(root: Path, target: Path, data: list[Path]) -> None:
    """Copy what is not data. Summaries and checksums of the data would be wrong after the edits: left behind."""
    known = set(data)
    for path in sorted(root.rglob("*")):
        if path.is_dir() or path in known or path.name in {"_metadata", "_common_metadata"} or path.suffix == ".crc":
            continue
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


@dataclass(frozen=True)
class Parquet:
    """Opens `x.parquet`, `folder/` with `key=value` sub-folders, and globs such as `data/*.parquet`."""

    name: ClassVar[str] = "parquet"

    def accepts(self, source: Any) -> bool:
        if has_suffix(source, SUFFIXES):
            return True
        if not isinstance(source, str | Path) or "://" in str(source):
            return False
        return Path(source).is_dir() or starts_with(source, _MAGIC)

    def open(self, source: Any, options: ReadOptions) -> ParquetTable:
        """Raises `InputError` for a missing, damaged or empty file and for a folder that is not one data set."""
        path = Path(source)
        if path.is_dir():
            return _folder(path, _data_files(path), path.name or str(path))
        if any(sign in str(source) for sign in "*?[") and not path.exists():
            return _glob(str(source))
        existing_file(path, "Parquet")
        part = _part(path, path.parent, keyed=False)
        return ParquetTable(TableRef(path.name, version=bytes_version(path)), path, (part,), part.schema)


def _data_files(folder: Path) -> list[Path]:
    """The files of a partitioned data set, sorted; names that begin with "_" or "." are bookkeeping, by Hive's custom.

    Raises
    ------
    InputError
        Something else lies there too, so that nobody can tell which files are meant; the message lists it.
    """
    if (folder / "_delta_log").is_dir():
        raise InputError(f"{folder} is a Delta Lake table: its log says which files count. Export it to Parquet first.")
    seen = (path for path in folder.rglob("*") if not _is_bookkeeping(path.relative_to(folder)) and path.is_file())
    files = sorted(seen)
    if not files:
        raise InputError(f"{folder} is a folder without any table in it: name a file.")
    if not all(path.name.lower().endswith(SUFFIXES) for path in files):
        raise InputError(f"{folder} is a folder of {_listed(files, folder)}. {_ONE_TABLE}")
    return files


def _is_bookkeeping(path: Path) -> bool:
    return path.suffix == ".crc" or any(part.startswith(("_", ".")) for part in path.parts)


def _listed(files: list[Path], folder: Path) -> str:
    """How many files, and the names of the first."""
    names = [path.relative_to(folder).as_posix() for path in files[:_LISTED]]
    more = f" and {len(files) - _LISTED:,} more" if len(files) > _LISTED else ""
    return f"{len(files):,} {'file' if len(files) == 1 else 'files'}: {', '.join(names)}{more}"


def _glob(pattern: str) -> ParquetTable:
    names = Path(pattern).parts
    stop = next(at for at, part in enumerate(names) if any(sign in part for sign in "*?["))
    root = Path(*names[:stop]) if stop else Path()
    files = sorted(path for path in root.glob(str(Path(*names[stop:]))) if path.is_file())
    if not files:
        raise InputError(f"{pattern}: no file matches. Check the folder ({Path.cwd()} is the current one).")
    return _folder(root, files, root.resolve().name, is_whole=False)


def _folder(root: Path, files: list[Path], name: str, *, is_whole: bool = True) -> ParquetTable:
    parts = tuple(_part(path, root, keyed=True) for path in files)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.path.relative_to(root).as_posix()} {bytes_version(part.path)}\n".encode())
    return ParquetTable(TableRef(name, version=digest.hexdigest()), root, parts, _common_schema(parts), is_whole)


def _part(path: Path, root: Path, *, keyed: bool) -> Part:
    existing_file(path, "Parquet")
    with reading(path, "Parquet"):
        footer = read_footer(path)
        schema = pl.Schema(pl.read_parquet_schema(path))
    folders = path.relative_to(root).parts[:-1] if keyed else ()
    pairs = (folder.split("=", 1) for folder in folders if "=" in folder)
    keys = {unquote(key): None if value == _NULL_FOLDER else unquote(value) for key, value in pairs}
    return Part(path, footer, schema, keys)


def _common_schema(parts: tuple[Part, ...]) -> pl.Schema:
    """Columns of all files in order of appearance, then the folder keys.

    Files must agree on types, and one of them must have all columns: older files may lack what came later, but tables
    of different things are not one.
    """
    schema: dict[str, Any] = {}
    for part in parts:
        for name, dtype in part.schema.items():
            if schema.setdefault(name, dtype) != dtype:
                raise InputError(
                    f"{part.path}: column {name!r} is {dtype}, but {schema[name]} in the files before it. "
                    "Write the files with one type, or open them one by one."
                )
    widest = max(parts, key=lambda part: len(part.schema))
    if stray := next((part for part in parts if not set(part.schema) <= set(widest.schema)), None):
        apart = ", ".join(name for name in stray.schema if name not in widest.schema)
        raise InputError(
            f"{stray.path} has columns that {widest.path.name} lacks ({apart}), and the other way round. {_ONE_TABLE}"
        )
    for name in dict.fromkeys(name for part in parts for name in part.keys):
        values = pl.Series([part.keys.get(name) for part in parts], dtype=pl.String)
        schema.setdefault(name, _key_type(values))
    return pl.Schema(schema)


def _key_type(values: pl.Series) -> pl.DataType:
    """Int64 where that spells every key as it stands in the folder names ("007" stays text), else String."""
    numbers = values.cast(pl.Int64, strict=False)
    return pl.Int64() if numbers.cast(pl.String).eq_missing(values).all() else pl.String()
