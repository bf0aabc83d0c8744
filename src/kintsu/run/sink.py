"""Where a heal writes: a file, a database, a frame, or nowhere (a dry run)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

import kintsu
from kintsu.core.change import EDITS
from kintsu.core.contracts import Table
from kintsu.core.errors import UsageError
from kintsu.core.policy import POLICY_VERSION
from kintsu.core.recipe import Recipe
from kintsu.io.store.home import folder_of, home_for
from kintsu.io.store.pending import put_pending
from kintsu.io.store.records import Draft, new_id, now_text
from kintsu.io.store.reports import put_report
from kintsu.io.store.store import Store
from kintsu.run.publish import check_output, notice, publish

__all__ = ["Sink"]


@dataclass(frozen=True)
class Sink:
    """A checked place to write to, and the identity of the run.

    `out` is None for databases, frames and dry runs. `notice` says beforehand what undo will promise.
    """

    run: str
    started: str
    table: Table
    out: Path | None
    home: Path | None
    notice: str
    in_place: bool = False
    force: bool = False

    @staticmethod
    def of(
        table: Table,
        out: Path | str | None,
        *,
        source: Any = None,
        in_place: bool = False,
        force: bool = False,
        dry_run: bool = False,
        home: Path | str | None = None,
        run: str | None = None,
    ) -> Sink:
        """Choose and check the output before any work is done. `source` is what the person named, `run` the id that
        the run is to have.

        Raises
        ------
        OutputError
            It exists already, or its folder cannot be written.
        UsageError
            `in_place` and `out` together, or an output for something that is no file.
        """
        run, started = run or new_id("r"), now_text()
        if dry_run or hasattr(table, "patched"):
            if out is not None:
                raise UsageError("a dry run and a frame write no file: leave out the output path")
            return Sink(run, started, table, None, None, "")
        if in_place and out is not None:
            raise UsageError("either --in-place or an output path, not both")
        if is_database(table):
            _wanted(table, out, source, in_place=in_place)
        target = None if in_place or is_database(table) else Path(out) if out is not None else healed_path(table)
        place = folder_of(home) if home is not None else home_for(table.path)
        check_output(Store(place), table, target, force=force, in_place=in_place)
        return Sink(run, started, table, target, place, notice(table), in_place, force)

    @property
    def written(self) -> Path | None:
        """The file that holds the mended table afterwards."""
        return self.table.path if self.in_place else self.out

    def write(
        self,
        applied: pl.DataFrame,
        sidecars: Callable[[pl.DataFrame], None],
        *,
        recipes: Mapping[str, Recipe],
        seed: int,
        sensitive: tuple[str, ...],
        summary: dict[str, Any],
        findings: pl.DataFrame,
        decisions: pl.DataFrame,
        files: Mapping[str, str],
        policy: Mapping[str, Any],
        report: Mapping[str, Any],
    ) -> Any:
        """Write the table with the applied repairs and log it; returns the mended frame for sources that are frames.

        `recipes` maps ids to recipes. `decisions` of all actions, and with them `files` and `policy`, are kept so that
        a person can be asked about them later; `report` is kept so that the run can be shown.
        """
        natures = {name: recipe.nature for name, recipe in recipes.items()}
        nature = pl.col("recipe").replace_strict(natures, default=None, return_dtype=pl.String)
        edits = applied.with_columns(
            nature=nature, old_raw=pl.lit(None, pl.Binary), new_raw=pl.lit(None, pl.Binary)
        ).select(*EDITS, "confidence", "healer", "recipe", "why", "nature")
        if self.home is None:
            sidecars(edits)
            patched = getattr(self.table, "patched", None)
            return patched(edits.select(list(EDITS)))[0] if patched is not None else None
        draft = Draft(
            id=self.run,
            started=self.started,
            seed=seed,
            versions={"kintsu": kintsu.__version__, "policy": POLICY_VERSION, "polars": pl.__version__},
            sensitive=sensitive,
            summary=summary,
            files=files,
            policy=policy,
        )
        store = Store(self.home)
        publish(
            store,
            draft,
            self.table,
            edits,
            self.out,
            force=self.force,
            in_place=self.in_place,
            write_sidecars=sidecars,
            findings=findings,
            blobs={**put_pending(store, decisions, recipes), **put_report(store, report)},
        )
        return None


def is_database(table: Table) -> bool:
    """The table is written where it is, in a transaction."""
    return table.path is None and table.connector in ("sqlite", "duckdb")


def _wanted(table: Table, out: Path | str | None, source: Any, *, in_place: bool) -> None:
    """A database is written where it is: whoever names a mere file of one has to say so.

    Raises
    ------
    UsageError
        An output path was given, or a file was named without `in_place`.
    """
    named = f"{table.ref.name} is a table of a database, which is mended where it is, in one transaction"
    if out is not None:
        raise UsageError(f"{named}: leave out the output path, or copy the database first and mend the copy")
    if not in_place and "://" not in str(source):
        raise UsageError(f"{named}: say so with --in-place, or copy the database first and mend the copy")


def healed_path(table: Table) -> Path:
    """`IN.healed.EXT` beside IN.

    Raises
    ------
    UsageError
        The source is no file: say where to write.
    """
    if table.path is None:
        raise UsageError(f"{table.ref.name} is no file: say where to write with -o OUT")
    name = table.path.name
    stem = name.removesuffix(table.suffix) if table.suffix else name
    return table.path.with_name(f"{stem}.healed{table.suffix}")
