"""Files appear whole or not at all: a temporary file beside the target, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kintsu.core.errors import OutputError
from kintsu.io.store.process import TOKEN, is_alive, mark

__all__ = ["explained", "flush", "rename", "sweep", "sweep_folder", "temporary"]

_REASONS = {
    errno.ENOSPC: "no space left on the disk: free some, or write elsewhere",
    errno.EDQUOT: "the disk quota is used up: free some, or write elsewhere",
    errno.EFBIG: "the file size limit is reached: raise it (ulimit -f), or write elsewhere",
    errno.EACCES: "permission denied: write elsewhere, or change the folder's permissions",
    errno.EPERM: "not permitted: write elsewhere, or change the folder's permissions",
    errno.EROFS: "the disk is read-only: write elsewhere",
    errno.ENOENT: "the folder does not exist: create it first",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EISDIR: "this is a folder: name a file",
    errno.ENAMETOOLONG: "the name is too long",
}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV, errno.EACCES}
_TEMPORARY = re.compile(r"\.kintsu-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp$")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing `path` into an `OutputError` of one line that says what to do."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error).partition("\n")[0]
        raise OutputError(f"cannot write {_meant(path)}: {reason}") from error


def _meant(path: Path) -> Path:
    """The file that a temporary one stands for: a person knows no other name."""
    found = _TEMPORARY.search(path.name)
    return path if found is None or not path.name.startswith(".") else path.with_name(path.name[1 : found.start()])


def _prefix(name: str) -> str:
    return f".{name[:40]}.kintsu-"  # 40 characters of four bytes each still leave room under the 255 bytes of a name


def flush(path: Path) -> None:
    """Bring a file, or all of a folder, from the system's memory to the disk."""
    if path.is_dir():
        for inner in path.rglob("*"):
            _sync(inner)
    _sync(path)


def _sync(path: Path) -> None:
    if path.is_dir() and sys.platform == "win32":
        return
    # Windows flushes only what is open for writing; elsewhere the file may be read-only by now
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot flush a folder
            raise
    finally:
        os.close(handle)


@contextmanager
def temporary(target: Path) -> Iterator[Path]:
    """A fresh name beside `target`, `.<name>.kintsu-<pid>-<token>.tmp`; whatever lies there at the end is removed."""
    name = f"{_prefix(target.name)}{os.getpid()}-{TOKEN}{secrets.token_hex(4)}.tmp"
    path = target.with_name(name)
    try:
        yield path
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sweep(target: Path) -> list[Path]:
    """Remove the temporary files that killed processes left beside `target`; those of living ones stay."""
    return _sweep(target.parent, _prefix(target.name))


def sweep_folder(folder: Path, *, older_than_s: float = 0) -> list[Path]:
    """The same for all files of a folder that is ours; where other machines write too, for those of some age."""
    return _sweep(folder, ".", older_than_s)


def _sweep(folder: Path, prefix: str, older_than_s: float = 0) -> list[Path]:
    gone = []
    host = mark().rsplit(":", 3)[0]
    with suppress(OSError):
        for path in folder.iterdir():
            found = _TEMPORARY.search(path.name)
            if not path.name.startswith(prefix) or found is None:
                continue
            is_old = not older_than_s or time.time() - path.stat().st_mtime > older_than_s
            if is_old and not is_alive(f"{host}:{found[1]}::{found[2]}"):
                _remove(path)
                gone.append(path)
    return gone


def rename(source: Path, target: Path, *, replace: bool) -> None:
    """Give `source` its final name. Without `replace`, a file that appeared there meanwhile is not overwritten.

    Raises
    ------
    FileExistsError
        `target` exists and `replace` is False.
    """
    if source.is_dir():
        _rename_folder(source, target, replace=replace)
    elif replace:
        source.replace(target)
    elif sys.platform == "win32":
        source.rename(target)  # refuses an existing target on this system
    else:
        _link(source, target)
    _sync(target.parent)


def _rename_folder(source: Path, target: Path, *, replace: bool) -> None:
    """Folders cannot be exchanged in one step everywhere: between two renames the old one has another name."""
    if target.exists() and not replace:
        raise FileExistsError(errno.EEXIST, "exists already", str(target))
    aside = target.with_name(f".{target.name}.kintsu-old-{secrets.token_hex(4)}")
    if target.exists():
        target.rename(aside)
    source.rename(target)
    _remove(aside)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # a file system without hard links: reserve the name, then put the file over it
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        source.replace(target)
    else:
        source.unlink()
