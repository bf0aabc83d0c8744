"""The options that several commands share."""

# no postponed annotations: `reads` hands those of `read_options` to other commands
import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kintsu.apps.cli.threads import suit_threads

if TYPE_CHECKING:
    from kintsu.core.contracts import ReadOptions as Read
else:
    Read = object  # the contracts import polars, and `kintsu --help` has to be quick

__all__ = [
    "FindingsFile",
    "Home",
    "Identifiers",
    "In",
    "Json",
    "Keys",
    "Multivariate",
    "OrderColumn",
    "Quiet",
    "Read",
    "ReportFile",
    "Rules",
    "Seed",
    "Sensitive",
    "Tables",
    "named_tables",
    "names",
    "read_options",
    "reads",
]

_READING = "Reading"
_OUTPUT = "Output"


def _home(text: str) -> Path:
    """A home as a folder; that of a database's URL is in the user's own."""
    if "://" not in text:
        return Path(text)
    from kintsu.io.store.home import folder_of

    return folder_of(text)


In = Annotated[str, typer.Argument(metavar="IN", help="A file, a URL, or - for standard input.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of everything random.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        parser=_home,
        help="The store's folder, or postgresql://... (else KINTSU_HOME, else .kintsu beside IN).",
    ),
]
FindingsFile = Annotated[
    Path | None,
    typer.Option("--findings", metavar="F", help="Write the findings (CSV or Parquet).", rich_help_panel=_OUTPUT),
]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="R.html", help="Write an HTML report.", rich_help_panel=_OUTPUT)
]
Sensitive = Annotated[
    list[str] | None,
    typer.Option("--sensitive", metavar="COLUMN", help="Mask this column's values in report, findings, changes, log."),
]
Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="COLUMN", help="This column identifies rows; it is never edited.")
]
OrderColumn = Annotated[
    str | None, typer.Option("--order-column", metavar="COLUMN", help="Rows are in the order of this column.")
]
Rules = Annotated[Path | None, typer.Option("--rules", metavar="RULES.yaml", help="Rules that the table must obey.")]

Identifiers = Annotated[
    list[str] | None,
    typer.Option("--identifier", metavar="COLUMN", help="Leave this column aside when rows are compared; repeatable."),
]
Tables = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="NAME=TABLE", help="Another table that a rule of inclusion names; repeatable."),
]
Multivariate = Annotated[
    list[str] | None,
    typer.Option(
        "--multivariate",
        metavar="METHOD",
        help="Judge whole rows by isolation_forest, neighbours, ecod, hbos, lof or one_class_svm; repeatable.",
    ),
]

Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="CHAR", help="Field delimiter (\\t: tab).", rich_help_panel=_READING),
]
Quote = Annotated[str | None, typer.Option("--quote", metavar="CHAR", help="Quote mark.", rich_help_panel=_READING)]
Encoding = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="Text encoding.", rich_help_panel=_READING)
]
NoHeader = Annotated[bool, typer.Option("--no-header", help="The first line is data.", rich_help_panel=_READING)]
DecimalComma = Annotated[
    bool, typer.Option("--decimal-comma", help="Numbers are written 1,5.", rich_help_panel=_READING)
]
DayFirst = Annotated[
    bool, typer.Option("--day-first", help="Dates are written day first: 31/12/2026.", rich_help_panel=_READING)
]
Sheet = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of a workbook.", rich_help_panel=_READING)
]
TableName = Annotated[
    str | None, typer.Option("--table", metavar="NAME", help="Table of a database.", rich_help_panel=_READING)
]


def names(values: list[str] | None) -> tuple[str, ...]:
    """Column names given by repeating an option; a comma is part of a name."""
    return tuple(values or ())


def named_tables(values: list[str] | None) -> dict[str, str]:
    """Name -> path or URL, from repeated NAME=TABLE.

    Raises
    ------
    UsageError
        A value has no equals sign.
    """
    from kintsu.core.errors import UsageError

    found = {}
    for value in values or ():
        name, equals, source = value.partition("=")
        if not (name and equals and source):
            raise UsageError(f"--with takes NAME=TABLE, such as countries=countries.csv, not {value!r}")
        found[name] = source
    return found


def read_options(
    delimiter: Delimiter = None,
    quote: Quote = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,
    decimal_comma: DecimalComma = False,
    day_first: DayFirst = False,
    sheet: Sheet = None,
    table: TableName = None,
) -> Read:
    """Reading options as given; what was not given is found out from the data.

    Raises
    ------
    UsageError
        A delimiter or quote mark that is not one character.
    """
    from kintsu.core.contracts import ReadOptions
    from kintsu.core.errors import UsageError

    delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter) if delimiter else delimiter
    for option, value in (("--delimiter", delimiter), ("--quote", quote)):
        if value is not None and len(value) != 1:
            raise UsageError(f"{option} is one character, not {value!r}")
    return ReadOptions(
        delimiter=delimiter,
        quote=quote,
        encoding=encoding,
        header=False if no_header else None,
        decimal_comma=True if decimal_comma else None,
        day_first=True if day_first else None,
        sheet=sheet,
        table=table,
    )


def reads(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the options of `read_options` in the place of its parameter `read`, which gets their result."""
    spelt = inspect.signature(read_options).parameters
    signature = inspect.signature(command, eval_str=True)
    shown = [each for p in signature.parameters.values() for each in (spelt.values() if p.name == "read" else [p])]

    @wraps(command)
    def read_first(**given: Any) -> int:
        suit_threads(given.get("source", ""))
        return command(read=read_options(**{name: given.pop(name) for name in spelt}), **given)

    read_first.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return read_first
