"""A treatment is trained once and mends any rows: the same changes whatever the batches, and nothing is learned."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kintsu.apps.cli.app import app
from kintsu.core.batch import Batch, TableRef
from kintsu.core.errors import InputError, OutputError, UsageError
from kintsu.rules.language import Rule
from kintsu.run.generate import generate
from kintsu.run.heal import heal
from kintsu.run.replay import Treatment
from kintsu.run.train import train
from kintsu.run.treatment import MANIFEST, MODEL, load_treatment
from kintsu.run.undo import undo

CELL = ["row", "column", "new", "action"]


def dirty(rows: int, seed: int) -> pl.DataFrame:
    return generate("orders", rows=rows, seed=seed).dirty


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return dirty(1_500, 3)


@pytest.fixture(scope="module")
def folder(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("treatments")
    train(table, out=where / "orders.treatment", home=where / "home")
    return where / "orders.treatment"


@pytest.fixture(scope="module")
def treatment(folder: Path) -> Treatment:
    return load_treatment(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy.treatment"))


def edited(folder: Path, old: str, new: str, n: int = 1) -> Path:
    manifest = folder / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new, n), encoding="utf-8")
    return folder


def batch(frame: pl.DataFrame, rows: pl.Series | None = None) -> Batch:
    own = pl.int_range(len(frame), eager=True) if rows is None else rows
    return Batch(TableRef("stream"), frame, own.alias("row"))


def test_replayed_on_its_own_table_it_makes_the_changes_of_heal(table, treatment):
    healed = heal(table, dry_run=True).decisions.filter(pl.col("action") == "apply")
    mended = treatment.mend(batch(table))
    assert not mended.failed
    assert len(healed) > 50
    assert set(mended.applied.select(CELL).rows()) == set(healed.select(CELL).rows())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Treatment:
    where = tmp_path_factory.mktemp("people")
    made = generate("customers", rows=1_000, seed=1).dirty
    return train(made, out=where / "p.treatment", home=where / "home", crash_test=False).treatment


@settings(max_examples=3, deadline=None)
@given(order=st.randoms(use_true_random=False), sizes=st.lists(st.integers(12, 70), min_size=2, max_size=4))
@pytest.mark.parametrize("kind", ["orders", "customers"])
def test_any_split_and_any_order_of_rows_gives_the_same_changes(kind, order, sizes, treatment, people):
    judge = treatment if kind == "orders" else people
    rows = generate(kind, rows=120, seed=11, errors=0.15).dirty
    whole = judge.mend(batch(rows))
    assert len(whole.decisions) > 50
    places = list(range(len(rows)))
    order.shuffle(places)
    at, done, left = 0, [], []
    while at < len(places):
        size = sizes[len(done) % len(sizes)]
        mine = pl.Series(places[at : at + size], dtype=pl.Int64)
        part = judge.mend(batch(rows[mine], mine))
        assert not part.failed
        done.append(part.decisions)
        left.append(part.unmendable)
        at += size
    told = pl.concat(done).select(*CELL, "confidence", "recipe")
    assert sorted(told.rows(), key=str) == sorted(whole.decisions.select(*CELL, "confidence", "recipe").rows(), key=str)
    assert pl.concat(left).sort("row").equals(whole.unmendable)


def test_a_recipe_that_a_person_refuses_is_not_applied(treatment, table, copy):
    applied = treatment.mend(batch(table)).applied
    recipe = applied["recipe"].value_counts(sort=True)["recipe"][0]
    text = (copy / MANIFEST).read_text(encoding="utf-8")
    head, _, tail = text.partition(f"id: {recipe}")
    (copy / MANIFEST).write_text(head + f"id: {recipe}" + tail.replace("decision: apply", "decision: never", 1))
    refusing = load_treatment(copy)
    assert refusing.id != treatment.id
    mended = refusing.mend(batch(table))
    assert recipe not in mended.decisions["recipe"].to_list()
    others = applied.filter(pl.col("recipe") != recipe).select(CELL).rows()
    assert set(others) <= set(mended.applied.select(CELL).rows())


def test_a_recipe_that_is_only_suggested_is_only_suggested(treatment, table, copy):
    text = (copy / MANIFEST).read_text(encoding="utf-8")
    (copy / MANIFEST).write_text(text.replace("decision: apply", "decision: suggest"), encoding="utf-8")
    mended = load_treatment(copy).mend(batch(table))
    assert not len(mended.applied)
    told = mended.decisions.join(treatment.mend(batch(table)).applied.select(CELL[:3]), on=CELL[:3], nulls_equal=True)
    assert set(told["action"]) == {"suggest"}


def test_columns_that_training_did_not_know_are_left_alone(treatment, table):
    more = table.with_columns(remark=pl.lit(" N/A "))
    assert treatment.mend(batch(more)).decisions.equals(treatment.mend(batch(table)).decisions)


def test_batches_without_some_columns_or_rows_are_mended_too(treatment, table):
    assert not len(treatment.mend(batch(table.head(0))).decisions)
    fewer = treatment.mend(batch(table.select(table.columns[:4])))
    assert not fewer.failed
    assert set(fewer.decisions["column"]) <= set(table.columns[:4])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version: 1", "version: 2", "upgrade"),
        ("sha256: ", "sha256: 0", "damaged"),
        ("file: model.zip", "file: ../model.zip", "no file of this folder"),
        ("file: model.zip", "file: other.zip", "cannot read"),
    ],
)
def test_a_folder_that_is_no_whole_treatment_is_refused(copy, old, new, told):
    with pytest.raises((InputError, UsageError), match=told):
        load_treatment(edited(copy, old, new))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("decision: apply", "decision: apple", "did you mean 'apply'"),
        ("auto: 0.95", "auto: 95", "between 0 and 1"),
        ("never_touch: []", "never_touch: [colour]", "no column 'colour'"),
        ("type: number", "type: numbr", "did you mean 'number'"),
        ("quarantine:", "quarantin:", "did you mean 'quarantine'"),
        ("- id: r-", "- id: q-", "no recipe"),
    ],
)
def test_a_slip_in_the_manifest_is_told_with_its_line(copy, old, new, told):
    with pytest.raises(UsageError, match=r"treatment\.yaml, line \d+.*" + told):
        load_treatment(edited(copy, old, new))


def test_a_damaged_model_is_told_as_such(copy):
    data = bytearray((copy / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / MODEL).write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_treatment(copy)
    with pytest.raises(InputError, match="no treatment"):
        load_treatment(copy.parent)


def test_an_existing_folder_is_replaced_only_when_asked(copy, table):
    with pytest.raises(OutputError, match="--force"):
        train(table, out=copy)
    (copy.parent / "mine").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        train(table, out=copy.parent / "mine", force=True)


def test_heal_with_a_treatment_writes_logs_and_undoes_like_any_heal(table, folder, tmp_path):
    source = tmp_path / "orders.csv"
    table.write_csv(source)
    healed = heal(source, treatment=folder, changes=tmp_path / "changes.csv", home=tmp_path / "home")
    direct = load_treatment(folder).mend(batch(table))
    assert len(pl.read_csv(tmp_path / "changes.csv")) == len(direct.applied) == healed.run_object()["applied"]
    undo(healed.run, home=tmp_path / "home", out=tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_bytes() == source.read_bytes()


def test_what_training_settled_is_no_option_of_the_replay(table, folder):
    with pytest.raises(UsageError, match="auto is a matter of training"):
        heal(table, treatment=folder, auto=0.5)
    with pytest.raises(UsageError, match="recipes is a matter of training"):
        heal(table, treatment=folder, recipes="recipes.yaml")
    with pytest.raises(UsageError, match="no column of this treatment"):
        heal(pl.DataFrame({"colour": ["red"]}), treatment=folder)


def test_the_circuit_breaker_holds_the_whole_table(table, folder):
    held = heal(table, treatment=folder, max_share=0.0001, dry_run=True)
    free = heal(table, treatment=folder, dry_run=True)
    assert held.run_object()["applied"] == 0
    applied = free.decisions.filter(pl.col("action") == "apply").select("row", "column", "new").rows()
    suggested = held.decisions.filter(pl.col("reason").str.starts_with("circuit breaker"))
    assert suggested.select("row", "column", "new").rows() == applied


def test_the_commands_train_and_replay(table, tmp_path):
    table.head(600).write_csv(tmp_path / "orders.csv")
    asked = [str(tmp_path / "orders.csv"), "--home", str(tmp_path / "home"), "--json"]
    ran = CliRunner().invoke(app, ["train", *asked, "--no-crash-test"])
    told = json.loads(ran.stdout)
    assert ran.exit_code == 0 and told["recipes"]["apply"] > 5
    assert "duplicate" in told["left_out"]
    replayed = CliRunner().invoke(app, ["heal", *asked, "--treatment", told["treatment"]])
    assert replayed.exit_code == 0 and json.loads(replayed.stdout)["applied"] > 20


def test_threads_may_share_a_treatment(table, folder):
    treatment = load_treatment(folder)
    parts = [batch(table[at : at + 150], pl.int_range(at, at + 150, eager=True)) for at in range(0, 1_200, 150)]
    with ThreadPoolExecutor(4) as pool:
        mended = list(pool.map(treatment.mend, parts))
    fresh = load_treatment(folder)
    for part, told in zip(parts, mended, strict=True):
        assert not told.failed
        assert told.decisions.equals(fresh.mend(part).decisions)


def sales() -> pl.DataFrame:
    days = [f"2026-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(300)]
    return pl.DataFrame(
        {
            "id": [str(i) for i in range(300)],
            "day": days,
            "amount": [f"{(i * 37) % 900 + 0.5:.2f}" for i in range(300)],
            "remark": [None if i % 3 else "gift" for i in range(300)],
        }
    )


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sales")
    rules = [Rule("range", ("amount",), {"max": 5000})]
    train(sales(), out=where / "t", home=where / "home", rules=rules, crash_test=False)
    return where / "t"


def test_rows_that_nobody_should_build_on_are_told_with_reasons(sold):
    rows = pl.DataFrame(
        {
            "id": ["1", "2", "3", "4", "5", "6", None],
            "day": ["2026-01-05", "soon", "2026-02-30", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
            "amount": ["17.50", "18.50", "19.50", "many", "9999.50", "120.50 EUR", "20.50"],
            "remark": [None, None, "gift", "gift", None, "N/A", None],
        }
    )
    mended = load_treatment(sold).mend(batch(rows))
    told = dict(mended.unmendable.rows())
    assert "day 'soon' is no date" in told[1]
    assert "day '2026-02-30' is no date" in told[2]
    assert "amount 'many' is no number" in told[3]
    assert "the rule says that" in told[4]
    assert "id is empty, and never was" in told[6]
    assert set(told) <= {1, 2, 3, 4, 5, 6} and 0 not in told
    mends = mended.applied.filter(pl.col("column") == "amount")["row"].to_list()
    assert (5 in told) == (5 not in mends)


def test_what_is_quarantined_is_a_matter_of_the_manifest(sold, tmp_path):
    rows = pl.DataFrame({"id": ["1", None], "day": ["soon", "2026-01-05"], "amount": ["1.50", "9999.50"]})
    copy = Path(shutil.copytree(sold, tmp_path / "copy"))
    assert load_treatment(edited(copy, "unreadable: true", "unreadable: false")).mend(batch(rows)).unmendable[
        "row"
    ].to_list() == [1]
    edited(copy, "  required: true\n  rules: true", "  required: false\n  rules: false")
    assert not len(load_treatment(copy).mend(batch(rows)).unmendable)


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [], "b": []}, schema={"a": pl.String, "b": pl.String}),
        pl.DataFrame({"a": [None] * 40, "b": ["x"] * 40}),
        pl.DataFrame({"no: {}": ["1", "2"] * 60, "row": ["x", "y"] * 60, "1": [" ", None] * 60}),
        pl.DataFrame({"i": range(150), "f": [i / 3 for i in range(150)], "l": [[1, None]] * 150, "b": [b"x"] * 150}),
    ],
    ids=["empty", "nulls", "names", "typed"],
)
def test_ugly_tables_have_treatments_too(frame, tmp_path):
    treatment = train(frame, out=tmp_path / "t", home=tmp_path / "home", crash_test=False).treatment
    assert not treatment.mend(batch(frame)).failed
    texts = frame.select(pl.col(name).cast(pl.String) for name in frame.columns if not frame[name].dtype.is_nested())
    if "b" not in frame.columns or frame["b"].dtype != pl.Binary:
        assert not treatment.mend(batch(texts)).failed


def test_the_same_table_gives_the_same_treatment(table, folder, tmp_path):
    again = train(table, out=tmp_path / "again", home=tmp_path / "home").treatment
    assert again.id == load_treatment(folder).id


def test_only_what_needs_rows_together_or_was_not_asked_for_is_left_out(treatment):
    together = {"spike", "duplicate", "drop_duplicates"}
    guesses = {"impute_model", "impute_knn", "impute_simple", "cap"}
    assert set(treatment.left_out) == together | guesses | {"multivariate"}
    assert "only rows odd by their single columns" in treatment.left_out["multivariate"]


@pytest.mark.slow
def test_models_that_were_asked_for_are_kept_as_data(table, tmp_path):
    pytest.importorskip("lightgbm")
    wishes = {"impute": True, "cap": True, "crash_test": False}
    treatment = train(table, out=tmp_path / "t", home=tmp_path / "home", **wishes).treatment
    healed = heal(table, dry_run=True, **wishes).decisions.filter(pl.col("action") == "apply")
    mended = treatment.mend(batch(table))
    assert not mended.failed
    assert {"impute_model", "impute_simple"} <= set(mended.applied["healer"])
    assert set(mended.applied.select(CELL).rows()) == set(healed.select(CELL).rows())


def test_a_model_that_is_no_data_is_left_out_and_named(table, tmp_path):
    table = table.select("quantity", "unit_price", "total", "weight_kg")
    wishes = {"multivariate": ("ecod", "lof"), "crash_test": False}
    treatment = train(table, out=tmp_path / "t", home=tmp_path / "home", **wishes).treatment
    assert "LocalOutlierFactor" in treatment.left_out["multivariate"]
    assert not treatment.mend(batch(table)).failed
