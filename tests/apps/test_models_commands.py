"""The commands about models: exit codes, one JSON object, words for people."""

import json

import pytest

from kintsu.apps.cli import edge
from kintsu.io.store.models import About
from kintsu.monitor.classify.model import shipped_model
from kintsu.run.models import Models

METRICS = {"right": 0.975, "log_loss": 0.08, "n_cases": 40, "mean_confidence": 0.96, "unsure_below": 0.9}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = Models.open(tmp_path / ".kintsu", create=True)
    about = About(METRICS, {}, {"tables": {"orders": {"rows": 90, "sha256": "0" * 64}}}, {"parent": "shipped"})
    for _ in range(2):
        models.registry.register("issues", shipped_model().to_bytes(), about, by="ann")
    return models


def told(capsys, *arguments):
    code = edge.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_version_is_put_to_use_and_taken_back(store, capsys):
    code, listed = told(capsys, "models", "list")
    assert code == 0 and [each["stage"] for each in listed["models"]] == ["candidate", "candidate"]
    assert told(capsys, "models", "promote", "issues", "1", "--by", "ann")[1]["stage"] == "live"
    assert edge.run(["models", "promote", "issues", "2", "--why", "better"]) == 0
    assert "version 2 of issues is live" in capsys.readouterr().out
    code, shown = told(capsys, "models", "show", "issues")
    assert (code, shown["version"], shown["drift"]["state"]) == (0, 2, "unknown")
    assert [each["version"] for each in shown["promotions"]] == [1, 2] and shown["promotions"][1]["why"] == "better"
    assert edge.run(["models", "show", "issues"]) == 0
    out = capsys.readouterr().out
    assert "issues version 2: live" in out and "drift: unknown" in out and "orders: rows 90" in out
    code, status = told(capsys, "monitor", "status")
    assert code == 0 and status["models"]["issues"]["version"] == 2
    assert told(capsys, "models", "rollback", "issues") == (0, {"name": "issues", "live": 1})
    assert edge.run(["models", "rollback", "issues"]) == 0
    assert "the model that comes with Kintsu is in use again" in capsys.readouterr().out
    assert told(capsys, "models", "rollback", "issues")[0] == 2
    assert edge.run(["models", "list", "issues"]) == 0
    assert "97.5%" in capsys.readouterr().out


def test_a_version_is_written_and_read(store, capsys):
    code, made = told(capsys, "models", "export", "issues", "1", "-o", "one.kintsu")
    assert (code, made) == (0, {"name": "issues", "version": 1, "output": "one.kintsu"})
    assert edge.run(["models", "export", "issues", "-o", "one.kintsu"]) == 2
    assert "--force" in capsys.readouterr().err
    assert edge.run(["models", "export", "issues", "-o", "one.kintsu", "--force"]) == 0
    assert "version 2 of issues written" in capsys.readouterr().out
    code, read = told(capsys, "models", "import", "one.kintsu", "--name", "issues:orders", "--home", "other")
    assert code == 0 and (read["name"], read["version"], read["metrics"]) == ("issues:orders", 1, METRICS)


def test_a_retraining_that_has_nothing_to_do_is_no_failure(store, capsys):
    code, done = told(capsys, "models", "retrain", "issues", "--if-older-than", "7d")
    assert code == 0 and not done["promoted"] and "younger than 7d" in done["message"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "issues", "9"], "no version 9 of model 'issues': there is 1, 2"),
        (["show", "isues"], "no model 'isues': there is 'issues'"),
        (["train", "prices"], "is no name of a model"),
        (["train", "issues"], "no table is watched"),
        (["retrain", "issues", "--if-older-than", "soon"], "a period is written like"),
        (["import", "nothing.kintsu"], "cannot be read"),
        (["list", "--registry", "elsewhere"], "no registry 'elsewhere'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(store, capsys, arguments, message):
    assert edge.run(["models", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
