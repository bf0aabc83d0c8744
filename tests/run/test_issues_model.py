"""A model of issues trained on one's own tables: written, read back, used by a monitor, refused where it cannot be."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, OutputError, UsageError
from kintsu.monitor.classify.train import Parameters
from kintsu.run.issues_model import about_issue_model, load_issue_model, train_issue_model

pytest.importorskip("lightgbm")
SMALL = Parameters(n_rounds=10, n_forest=10, n_folds=2, min_leaf=4)


def table(seed: int, rows: int = 700) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    width = rng.lognormal(2, 0.4, rows)
    return pl.DataFrame(
        {
            "width": np.round(width, 2),
            "height": np.round(width * 1.5 + rng.normal(0, 0.2, rows), 2),
            "colour": rng.choice(["red", "dark blue", "Green", "white"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "code": [f"AX-{n:05d}" for n in rng.integers(0, 99999, rows)],
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = []
    for seed in range(2):
        paths.append(folder / f"t{seed}.parquet")
        table(seed).write_parquet(paths[-1])
    out = folder / "own.npz"
    train_issue_model(paths, out, rounds=4, parameters=SMALL, trained_at=datetime(2026, 11, 1))
    return paths, out


def test_the_file_tells_what_it_was_trained_on(trained):
    paths, out = trained
    about = about_issue_model(out)
    assert set(about["tables"]) == {str(path) for path in paths} and about["split"] == "tables"
    assert about["tables"][str(paths[0])]["rows"] == 700 and about["trained_at"] == "2026-11-01T00:00:00"
    assert about["parameters"]["n_rounds"] == 10 and len(about["kinds"]) > 40
    assert 0 < about["metrics"]["judgement_alarming"]["macro_f1"] <= 1
    assert json.loads(json.dumps(about)) == about


def test_a_monitor_takes_the_model_by_its_path(trained):
    _, out = trained
    frame = table(5, 3000)
    monitors = [kt.Monitor(issue_model=out), kt.Monitor(issue_model=load_issue_model(out)), kt.Monitor()]
    for monitor in monitors:
        for i in range(20):
            monitor.learn(frame[100 * i : 100 * i + 100])
    late = frame[2000:2100].with_columns(width=pl.lit(None, pl.Float64))
    by_path, by_model, shipped = (monitor.judge(late) for monitor in monitors)
    assert by_path.to_dict() == by_model.to_dict()
    assert by_path.issue == shipped.issue == "missing"
    assert by_path.score == shipped.score and by_path.columns == shipped.columns  # a model decides no alarm


def test_one_table_is_split_by_its_cuts(tmp_path):
    train_issue_model({"only": table(1, 1200)}, tmp_path / "m.npz", rounds=8, parameters=SMALL)
    assert about_issue_model(tmp_path / "m.npz")["split"] == "cuts"


def test_what_cannot_be_is_refused(trained, tmp_path):
    paths, out = trained
    with pytest.raises(OutputError, match="exists already"):
        train_issue_model(paths, out)
    with pytest.raises(UsageError, match="are needed"):
        train_issue_model({"tiny": table(0, 100)}, tmp_path / "m.npz")
    assert not (tmp_path / "m.npz").exists()
    with pytest.raises(InputError, match="holds no model of issues"):
        kt.Monitor(issue_model=paths[0])
