"""Train the model that names the issues of batches on one's own tables."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import OutputError, UsageError
from kintsu.monitor.classify.cases import Cases, cases_of, concat
from kintsu.monitor.classify.model import IssueModel
from kintsu.monitor.classify.train import Parameters, fit
from kintsu.run.typed import typed_frame

__all__ = ["about_issue_model", "load_issue_model", "train_issue_model"]

LEAST_CASES: Final = 500


def train_issue_model(
    tables: Mapping[str, Any] | Sequence[Path | str],
    out: Path | str,
    *,
    rounds: int = 20,
    seed: int = 0,
    parameters: Parameters | None = None,
    trained_at: datetime | None = None,
    force: bool = False,
    read: ReadOptions | None = None,
) -> IssueModel:
    """Train a model of issues on damaged copies of your own tables and write it to `out`, an .npz without pickles.

    Every table is cut into batches `rounds` times, in other sizes and orders each time; the batch after the history
    is damaged by every kind of fault that fits the table. The model is measured on tables that it was not trained on
    (with fewer tables than folds: on other cuts of the same tables, which flatters; `split` says which). What it was
    trained on (`tables` with their rows and columns, `kinds`, `parameters`, `seed`, `trained_at`) and its `metrics`
    are kept inside the file: see `about_issue_model`. About a second of CPU a table and round, and a minute of
    training for 20,000 cases; needs LightGBM (`pip install 'kintsu[boost]'`), which judging does not.

    Parameters
    ----------
    tables
        Paths, or names with anything that `kt.profile` takes. At least 560 rows each; smaller ones are left out.
    trained_at
        Kept with the model; nothing else depends on it.

    Raises
    ------
    UsageError
        The tables give too few cases.
    OutputError
        `out` exists and `force` is not given, or it cannot be written.
    """
    path = Path(out)
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another name, or replace it with force")
    named = tables if isinstance(tables, Mapping) else {str(table): table for table in tables}
    window, parts = {}, []
    for name, source in named.items():
        frame = typed_frame(source, read)
        made = cases_of(name, frame, zlib.crc32(name.encode()) + seed, rounds=rounds)
        if made is not None:
            parts.append(made)
            window[name] = {"rows": frame.height, "columns": frame.width, "cases": len(made)}
    cases = concat(parts) if parts else None
    if cases is None or len(cases) < LEAST_CASES:
        n = 0 if cases is None else len(cases)
        raise UsageError(
            f"{len(named)} tables give {n} cases, at least {LEAST_CASES} are needed: more or larger tables"
        )
    about = {"tables": window, "rounds": rounds, "seed": seed,
             "trained_at": None if trained_at is None else trained_at.isoformat()}  # fmt: skip
    model = train_on(cases, parameters or Parameters(seed=seed), about)
    try:
        model.save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from error
    return model


def train_on(cases: Cases, parameters: Parameters, about: Mapping[str, Any]) -> IssueModel:
    """A model from labelled cases; with too few tables for the folds, other cuts of a table count as another one."""
    split = "tables"
    if len(np.unique(cases.table)) < parameters.n_folds:
        split, cases = "cuts", replace(cases, table=cases.cut)
    return fit(cases, parameters, {**about, "split": split})[0]


def load_issue_model(path: Path | str) -> IssueModel:
    """Read a model of issues; an `InputError` says what is wrong with a file that holds none."""
    return IssueModel.load(Path(path))


def about_issue_model(path: Path | str) -> dict[str, Any]:
    """What a model was trained on, its metrics and parameters, as a JSON object."""
    return dict(load_issue_model(path).about)
