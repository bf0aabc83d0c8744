"""Values of a sensitive column stand in the tables and in the store's blobs, which undo needs, and nowhere else."""

from __future__ import annotations

import json
from typing import ClassVar

import polars as pl
import pytest

from kintsu.core import registry
from kintsu.core.registered import BUILT_IN
from kintsu.io.store.store import Store
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.check import check
from kintsu.run.heal import heal
from kintsu.run.log import log
from kintsu.run.show import show
from kintsu.run.undo import undo

CITIES = ["Avignon", "Bordeaux", "Clermont", "Dunkerque"]


class Tattling:
    """A detector that fails, and quotes a value when it does."""

    name: ClassVar[str] = "tattling"
    kind: ClassVar[str] = "outlier"

    def train(self, reference):
        return None

    def find(self, batch, model, reference):
        raise ValueError(f"cannot make sense of {batch['patient'].text[0]}")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Patients and wards, both secret: typos, gaps and repeated rows that involve them."""
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.setitem(BUILT_IN["detectors"], "tattling", f"{__name__}:Tattling")
    registry._targets.cache_clear()
    n = 400
    patient = [f"Zq{chr(97 + i % 7)}vorn{chr(97 + i % 4)}" for i in range(n)]
    ward = [f"Wd{i % 4}-Xylo{i % 4}" for i in range(n)]
    city = [CITIES[i % 4] for i in range(n)]
    weight = [f"{50 + (7 * i) % 40}" for i in range(n)]
    for i in range(0, n, 40):
        patient[i], city[i + 1], ward[i + 2] = patient[i] + "x", "", ward[i + 2].replace("Xylo", "Xyol")
        weight[i + 5] = f" {weight[i + 5]} kg"
    frame = pl.DataFrame({"id": [f"{i:05d}" for i in range(n)], "patient": patient, "ward": ward, "city": city,
                          "weight": weight})  # fmt: skip
    pl.concat([frame, frame[7:9]]).write_csv(tmp_path / "in.csv")
    yield tmp_path
    registry._targets.cache_clear()


def secrets(frame: pl.DataFrame) -> set[str]:
    """Texts of the sensitive columns."""
    return set(frame["patient"]) | set(frame["ward"])


def test_no_file_no_ledger_and_no_answer_quotes_them(place):
    hidden = ("patient", "ward")
    files = {name: place / f"{name}.out" for name in ("findings", "changes", "suggestions", "report")}
    result = heal(place / "in.csv", auto=0.5, sensitive=hidden, **files)
    assert [step.name for step in result.failed] == ["detect tattling"]
    checked = check(place / "in.csv", sensitive=hidden, findings=place / "f2.out", report=place / "r2.out")
    home = place / ".kintsu"
    questions = ask(result.run, home=home)
    said = answer(result.run, questions[0].question, "accept", home=home) if questions else None
    told = [result.run_object(), checked.run_object(), [each.to_dict()["text"] for each in questions], log(home=home)]
    told += [show(result.run, home=home).to_dict(), said.to_dict() if said else {}]
    undo(said.change if said else result.run, home=home, column="city" if not said else None)
    words = {"told": json.dumps(told, default=str), "healed": result._repr_html_(), "checked": checked._repr_html_()}
    words |= {"printed": f"{result} {checked}"}
    words |= {path.name: path.read_text(encoding="utf-8") for path in place.glob("*.out")}
    words |= {path.name: path.read_bytes().decode("utf-8", "replace") for path in home.glob("kintsu.db*")}
    dirty = pl.read_csv(place / "in.csv", infer_schema=False)
    found = {(text, name) for text in secrets(dirty) for name, part in words.items() if text in part}
    assert Store(home).runs() and len(result.changes) and len(pl.read_csv(files["suggestions"]))
    assert found == set()
