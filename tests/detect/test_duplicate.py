import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.detect.duplicate import Duplicate
from kintsu.heal.drop_duplicates import DropDuplicates
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector, check_healer


def made(frame, cut=50, **options):
    batch = Batch.of(frame)

    def scan(names):
        for i in range(0, max(len(frame), 1), cut):
            part = frame[i : i + cut]
            yield Batch(batch.table, part.select(names) if names else part, batch.row[i : i + cut])

    return batch, reference_of(scan, batch.table, options=options)


def found(batch, reference):
    detector = Duplicate()
    return detector.find(batch, detector.train(reference), reference)


def orders(n=200):
    return pl.DataFrame(
        {
            "id": [f"A-{i:05d}" for i in range(n)],
            "city": [f"city {i % 17}" for i in range(n)],
            "price": [str(round(i * i * 1.37, 2)) for i in range(n)],
        }
    )


def test_copies_of_a_row_are_found_across_batches():
    frame = orders()
    batch, reference = made(pl.concat([frame, frame[[3, 3, 170]]]))
    result = found(batch, reference)
    assert result["row"].sort().to_list() == [200, 201, 202]
    assert set(result["kind"]) == {"duplicate"} and result["column"].null_count() == 3
    assert "equals row 3; 3 rows have this content" in result["why"].to_list()
    check_detector(Duplicate(), batch, reference)


def test_a_repeated_key_with_another_content_is_found_in_both_rows():
    frame = orders()
    other = frame[[3]].with_columns(city=pl.lit("elsewhere"))
    batch, reference = made(pl.concat([frame, other]))
    result = found(batch, reference)
    assert result.select("row", "column", "kind").sort("row").rows() == [(3, "id", "key"), (200, "id", "key")]
    check_detector(Duplicate(), batch, reference)


def test_identifiers_that_are_declared_are_left_aside():
    frame = orders()
    again = frame[[5]].with_columns(id=pl.lit("A-99999"))
    batch, reference = made(pl.concat([frame, again]), identifiers=["id"])
    assert found(batch, reference)["row"].to_list() == [200]


def test_declared_keys_hold_together():
    frame = pl.DataFrame({"a": list("xxyy"), "b": list("1212"), "c": list("pqrs")})
    batch, reference = made(pl.concat([frame, pl.DataFrame({"a": ["x"], "b": ["1"], "c": ["t"]})]), keys=["a", "b"])
    assert found(batch, reference)["row"].to_list() == [0, 4]


def test_tables_that_repeat_by_nature_are_left_alone():
    frame = pl.DataFrame({"a": [str(i % 3) for i in range(300)], "b": [str(i % 5) for i in range(300)]})
    assert found(*made(frame)).is_empty()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_tables_say_nothing(n):
    assert found(*made(orders(n))).is_empty()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.sampled_from("xyz")), min_size=1))
def test_keeps_the_detector_contract(rows):
    frame = pl.DataFrame(rows, schema={"p": pl.String, "q": pl.String}, orient="row")
    check_detector(Duplicate(), *made(frame, cut=7))


def test_the_healer_drops_copies_and_keeps_the_first():
    frame = orders()
    batch, reference = made(pl.concat([frame, frame[[3, 170]]]))
    findings = found(batch, reference)
    recipes, proposed = DropDuplicates().propose(batch, findings, None, reference)
    assert proposed.select("row", "edit").sort("row").rows() == [(200, "drop"), (201, "drop")]
    assert recipes[0].nature == "removal"
    check_healer(DropDuplicates(), batch, findings, reference)
