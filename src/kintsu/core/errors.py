"""Every error a caller may want to catch, in one tree.

KintsuError
├── UsageError           the call itself is wrong: an option, a name, a value
│   └── UnknownName      nothing has this name; tells the nearest
├── InputError           the data cannot be read: missing, empty, no permission, not a table
│   └── UnsupportedFormat
├── OutputError          the result cannot be written: exists already, no space, no permission
│   └── StoreUnusable    the database of the history is away, locked, full or broken
├── MissingExtra         an optional package is needed; carries the install line
├── StaleRepair          the data changed since the repair was proposed or applied
├── UndoConflict         a later change stands in the way; names it
├── UnknownRun           no such run in this store
├── LedgerBroken         the history was edited; names the line
├── DuplicateName        two plug-ins claim one name
├── NotifyError          a notice could not be delivered; holds no secret
├── ServiceProblem       a service that `kintsu.Client` asked refused, failed or is not there
├── MergeError           two summaries with other parameters
└── ContractError        a plug-in broke its contract
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ContractError",
    "DuplicateName",
    "InputError",
    "KintsuError",
    "LedgerBroken",
    "MergeError",
    "MissingExtra",
    "NotifyError",
    "OutputError",
    "ServiceProblem",
    "StaleRepair",
    "StoreUnusable",
    "UndoConflict",
    "UnknownName",
    "UnknownRun",
    "UnsupportedFormat",
    "UsageError",
]


class KintsuError(Exception):
    """Base of all errors that Kintsu raises on purpose. The message is one line: what, where, what to do."""


class UsageError(KintsuError):
    """The call is wrong: an unknown option, column or value."""


class UnknownName(UsageError):
    """There is no table, batch, incident or model of this name."""


class InputError(KintsuError):
    """The input cannot be read as a table."""


class UnsupportedFormat(InputError):
    """No connector knows this kind of file or URL."""


class OutputError(KintsuError):
    """The output cannot be written; nothing was left half written."""


class StoreUnusable(OutputError):
    """The database of the history cannot be used now. The message names it, without a password."""


class MissingExtra(KintsuError):
    """An optional package is missing. `extra` is the name in `pip install 'kintsu[extra]'`."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}, which is not installed: pip install 'kintsu[{extra}]'")
        self.package, self.extra = package, extra


class StaleRepair(KintsuError):
    """A cell or file does not hold what the repair or the undo expects; nothing was touched."""


class UndoConflict(KintsuError):
    """A later change edited the same cell. `change` names it: undo that one first."""

    def __init__(self, message: str, change: str) -> None:
        super().__init__(message)
        self.change = change


class UnknownRun(KintsuError):
    """The store holds no such run."""


class LedgerBroken(KintsuError):
    """The append-only history does not verify. `line` is the first entry that does not fit (from 1)."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class DuplicateName(KintsuError):
    """Two registered plug-ins have one name; the message names both modules."""


class NotifyError(KintsuError):
    """A notice could not be delivered. `notifier` is the name of the kind; addresses and secrets are left out."""

    def __init__(self, notifier: str, message: str) -> None:
        super().__init__(f"{notifier}: {message}")
        self.notifier = notifier


class ServiceProblem(KintsuError):
    """A service refused a request, failed, or cannot be reached; the message is the `detail` of its problem document.

    `status` is the HTTP status, None where nobody answered. `kind` is the problem's type, `request` the id under
    which the service's log tells of it, `errors` the values of the request that it does not take.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        request: str | None = None,
        errors: tuple[Mapping[str, str], ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.request, self.errors = status, kind, request, errors
        self.retry_after_s = retry_after_s


class MergeError(KintsuError):
    """Two summaries with other parameters cannot be merged."""


class ContractError(KintsuError):
    """A plug-in returned something that its contract does not allow."""
