"""A run's change set for other tools: as CSV or Parquet, or as SQL statements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.io.store.blobs import content_hash
from kintsu.io.store.home import find_home
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.run.reopen import reopen
from kintsu.run.sidecar import changes_table, write_table, write_text

__all__ = ["export_changes", "export_sql", "identifier", "literal"]


def export_changes(run: str, path: Path | str, *, home: Path | str | None = None) -> int:
    """Write the change set of a run as CSV, or Parquet by suffix; returns the number of edits. Sensitive values are
    masked."""
    store = Store(find_home(home))
    found = store.run(run)
    table = changes_table(store.changes(found), sensitive=found.sensitive)
    write_table(table, Path(path))
    return len(table)


def export_sql(
    run: str,
    path: Path | str,
    *,
    keys: tuple[str, ...],
    table: str | None = None,
    home: Path | str | None = None,
) -> int:
    """Write the change set as standard SQL: one UPDATE per cell, one DELETE per dropped row, in one transaction.

    Each statement names its row by `keys` and also asks for the old value, so that it changes nothing where the
    database holds something else. Text is quoted as the SQL standard says: a MySQL server must run with
    NO_BACKSLASH_ESCAPES. Returns the number of statements.

    Parameters
    ----------
    keys
        Columns that tell rows apart; their values are read from the run's input, or from its output where the input
        is gone.
    table
        Name in the database, with dots between schema and table; the table's own name by default.

    Raises
    ------
    UsageError
        A key is unknown, null or not unique, a column is sensitive, or the rows cannot be read any more.
    """
    store = Store(find_home(home))
    found = store.run(run)
    changes = store.changes(found)
    if "purged" in changes.columns and changes["purged"].any():
        raise UsageError(f"values of {found.id} were purged on purpose: there is nothing to export")
    if len(changes.filter(pl.col("edit").is_in(["add", "cast"]))):
        raise UsageError(f"{found.id} adds rows or changes types, which SQL UPDATEs cannot say: export as CSV")
    hidden = set(found.sensitive) & {*changes["column"].drop_nulls().unique(), *keys}
    if hidden:
        raise UsageError(f"{', '.join(sorted(hidden))} is marked sensitive: its values are not exported")
    named = identifier(table) if table else _quote(Path(found.table).stem if found.made else found.table)
    statements = list(_statements(changes, _key_values(found, changes, keys), keys, named))
    write_text("\n".join(["BEGIN;", *statements, "COMMIT;", ""]), Path(path))
    return len(statements)


def identifier(name: str) -> str:
    """A name, with its schema before a dot, quoted for SQL.

    >>> identifier('shop.or"ders')
    '"shop"."or""ders"'
    """
    return ".".join(_quote(part) for part in name.split("."))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | None) -> str:
    """A value as SQL takes it.

    >>> literal("it's"), literal(None)
    ("'it''s'", 'NULL')
    """
    if text is None:
        return "NULL"
    if "\0" in text:
        raise UsageError("a value holds a NUL character, which SQL text cannot hold: export as CSV")
    return "'" + text.replace("'", "''") + "'"


def _equals(column: str, text: str | None) -> str:
    return f"{_quote(column)} IS NULL" if text is None else f"{_quote(column)} = {literal(text)}"


def _key_values(run: Run, changes: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """`row` and the key columns as they were in the run's input, for the rows that were edited."""
    unknown = [name for name in keys if name not in run.columns]
    if unknown or not keys:
        raise UsageError(
            f"name key columns out of {', '.join(run.columns)}" + (f", not {unknown[0]}" if unknown else "")
        )
    from_input = Path(run.input).exists() and content_hash(Path(run.input)) == run.base
    source = run.input if from_input else run.output
    if not from_input and (run.n_drop or not Path(run.output).exists() or content_hash(Path(run.output)) != run.made):
        raise UsageError(f"the rows of {run.id} cannot be named any more: {run.input} changed or is gone")
    parts = [batch.texts(list(keys)) for batch in reopen(Path(source), run.connector, run.facts).batches()]
    whole = pl.concat(parts).rename({"__row": "row"})
    if not from_input:
        whole = _taken_back(whole, changes, keys)
    if whole.select(pl.any_horizontal(pl.col(keys).is_null()).any()).item() or whole.select(keys).is_duplicated().any():
        raise UsageError(f"{', '.join(keys)} does not tell the rows apart: name more key columns")
    return whole.filter(pl.col("row").is_in(changes["row"].unique().implode()))


def _taken_back(whole: pl.DataFrame, changes: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    for name in keys:
        part = changes.filter(column=name).select("row", "old", hit=pl.lit(True))
        joined = whole.join(part, on="row", how="left", maintain_order="left")
        whole = joined.with_columns(pl.when("hit").then("old").otherwise(name).alias(name)).select(whole.columns)
    return whole


def _statements(changes: pl.DataFrame, values: pl.DataFrame, keys: tuple[str, ...], table: str) -> Iterator[str]:
    """Cells of key columns last: until then the rows are found by the old key."""
    ordered = changes.with_columns(last=pl.col("column").is_in(list(keys))).sort(
        "last", "row", "column", nulls_last=True
    )
    current: dict[int, dict[str, str | None]] = {row.pop("row"): row for row in values.to_dicts()}
    for edit in ordered.iter_rows(named=True):
        key = current[edit["row"]]
        where = " AND ".join(_equals(name, text) for name, text in key.items())
        if edit["edit"] == "drop":
            yield f"DELETE FROM {table} WHERE {where};"
            continue
        column = edit["column"]
        guard = "" if column in key else f" AND {_equals(column, edit['old'])}"
        yield f"UPDATE {table} SET {_quote(column)} = {literal(edit['new'])} WHERE {where}{guard};"
        if column in key:
            key[column] = edit["new"]
