"""Which process writes, and whether it is still alive: a killed run must never block the next one."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from functools import cache
from pathlib import Path

__all__ = ["TOKEN", "is_alive", "is_here", "mark"]

TOKEN = secrets.token_hex(4)  # tells this process from an earlier one that had the same id (usual in containers)


def _start(pid: int) -> str:
    """When a process started, in the system's own clock ticks; "" where the system does not say so cheaply."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if handle:
            kernel.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _mark(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_start(pid)}:{TOKEN}"


def mark() -> str:
    """This process as text "host:pid:start:token"."""
    return _mark(os.getpid())


def is_here(who: str) -> bool:
    """Whether the process that wrote this mark ran on this machine."""
    return who.rsplit(":", 3)[0] == socket.gethostname()


def is_alive(who: str) -> bool:
    """Whether the process that wrote this mark still runs on this machine.

    False for another host: writes are atomic in any case, and a dead container must not block its successor.
    """
    host, _, rest = who.rpartition(":")[0].rpartition(":")[0].rpartition(":")
    if not rest.isdigit() or host != socket.gethostname():
        return False
    pid, start, token = int(rest), who.split(":")[-2], who.split(":")[-1]
    if pid == os.getpid():
        return token == TOKEN
    return _exists(pid) and (not start or _start(pid) in ("", start))
