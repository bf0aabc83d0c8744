"""What a user asks for reaches the detectors; a wrong wish is named."""

import polars as pl
import pytest

import kintsu as kt
from kintsu.apps.cli import edge
from kintsu.core.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    rows = "".join(f"{i},{['DE', 'FR', 'IT'][i % 3]},{i % 7 + 0.5}\n" for i in range(60))
    (tmp_path / "orders.csv").write_text(f"id,country,n\n{rows}60,XX,1.5\n")
    (tmp_path / "countries.csv").write_text("code,name\nDE,Germany\nFR,France\nIT,Italy\n")
    (tmp_path / "rules.yaml").write_text(
        "rules:\n"
        "  - {kind: inclusion, column: country, table: countries, of: code}\n"
        "  - {kind: range, column: n, max: 6}\n"
    )
    return tmp_path


def test_rules_may_name_another_table(folder):
    found = kt.check(
        folder / "orders.csv", rules=folder / "rules.yaml", tables={"countries": folder / "countries.csv"}
    ).findings
    broken = found.filter(pl.col("kind") == "inclusion")
    assert broken.select("row", "column").rows() == [(60, "country")]
    assert len(found.filter(pl.col("kind") == "range")) == 8, "6.5 stands in every seventh row from the sixth on"


def test_the_command_line_hands_tables_and_rules_on(folder, capsys):
    at = [str(folder / name) for name in ("orders.csv", "rules.yaml", "countries.csv")]
    findings = folder / "f.csv"
    wish = ["--rules", at[1], "--with", f"countries={at[2]}"]
    code = edge.run(["check", at[0], *wish, "--findings", str(findings), "-q"])
    assert code == 0, capsys.readouterr().err
    assert "inclusion" in findings.read_text()


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"multivariate": ("magic",)}, "no method 'magic'; methods: isolation_forest"),
        ({"identifiers": ("nr",)}, "no column 'nr'"),
        ({"rules": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_a_wrong_wish_is_named(folder, wish, told):
    with pytest.raises((UsageError, kt.KintsuError), match=told):
        kt.check(folder / "orders.csv", **wish)


def test_other_methods_can_judge_rows(folder):
    result = kt.check(folder / "orders.csv", multivariate=("lof", "hbos"))
    assert not result.failed


def test_winsorising_pulls_to_percentiles(tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("n\n" + "".join(f"{10 + i % 40 / 10}\n" for i in range(200)) + "99999\n")
    capped = kt.heal(path, winsorise=True, dry_run=True).changes
    assert capped["old"].to_list() == ["99999"]
    assert float(capped["new"][0]) <= 14
