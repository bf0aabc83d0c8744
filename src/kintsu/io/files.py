"""What every file connector asks of a path before it reads: is it there, may we, which bytes are it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import InputError, OutputError
from kintsu.io.store.atomic import explained

__all__ = ["bytes_version", "existing_file", "has_suffix", "reading", "starts_with", "writing"]


def has_suffix(source: Any, suffixes: tuple[str, ...]) -> bool:
    """Whether a path (or its text, not a URL) ends in one of the suffixes, in any case."""
    return isinstance(source, str | os.PathLike) and "://" not in str(source) and str(source).lower().endswith(suffixes)


def starts_with(source: Any, magic: bytes) -> bool:
    """Whether a readable file begins with these bytes: files without a telling suffix are known by them."""
    if not isinstance(source, str | os.PathLike) or "://" in str(source) or not Path(source).is_file():
        return False
    try:
        with Path(source).open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


def existing_file(source: Any, kind: str) -> Path:
    """The path of a file that exists, can be read and is not empty.

    Raises
    ------
    InputError
        One line that says which of these it is not, and what to do.
    """
    path = Path(source)
    if not path.exists():
        raise InputError(f"{path}: no such file. Check the spelling and the folder ({Path.cwd()} is the current one).")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a {kind} file. Name a file in it.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read it. Ask its owner, or copy it to where you may read.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes): there is no {kind} table in it.")
    return path


def bytes_version(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def reading(path: Path | str, kind: str) -> Iterator[None]:
    """Turn what a reader raises on damaged bytes into one line that names the file.

    polars panics (a BaseException) on some damaged files, hence its own class here.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, EOFError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} cannot be read as {kind}: {line}. It may be cut off or damaged: copy it again from its source."
        ) from error


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Leave nothing at `target` when writing fails; a full disk or a missing right is an `OutputError`."""
    try:
        with explained(target):
            yield
    except BaseException as error:
        with suppress(OSError):
            target.unlink(missing_ok=True)
        if isinstance(error, pl.exceptions.PolarsError):  # polars wraps the system's errors when it writes Parquet
            line = str(error).strip().splitlines()[0]
            raise OutputError(f"cannot write {target}: {line}. Free some space, or write elsewhere") from error
        raise
