"""`kintsu watch`: what is wrong with a call is told, and a signal ends it in good order."""

import json
import os
import signal

import pytest

from kintsu.apps.cli.edge import run
from kintsu.apps.cli.stream import _until_signal


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--treatment", "x"], "say what to watch: --bootstrap HOST:PORT and --topic NAME, or a FOLDER"),
        (["--bootstrap", "h:1", "--treatment", "x"], "say what to watch"),
        (["in", "--treatment", "x"], "a FOLDER needs --out DIR"),
        (["in", "--out", "o", "--topic", "t", "--treatment", "x"], "neither --bootstrap nor --topic"),
        (["in", "--out", "o", "--sensitive", "email", "--treatment", "x"], "--sensitive is for a topic"),
        (["in", "--out", "o", "--hold", "--treatment", "x"], "--hold is for a topic, not for a FOLDER"),
        (["--bootstrap", "h:1", "--topic", "t", "--treatment", "nowhere"], "nowhere is no treatment"),
        (["--bootstrap", "h:1", "--topic", "t"], "Missing option '--treatment'"),
    ],
)
def test_a_wrong_call_is_told(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "in").mkdir()
    assert run(["watch", *arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert told in err or ("x is no treatment" in err and "no.yaml" in told)
    assert json.loads(out)["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_what_was_there_comes_back(number):
    before = signal.getsignal(number)
    with _until_signal() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
