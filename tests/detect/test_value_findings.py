import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core import registry
from kintsu.core.batch import Batch, TableRef
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector

NAMES = (
    "missing", "disguised_missing", "type_mismatch", "format", "unit", "typo", "rare_category", "text_anomaly",
)  # fmt: skip


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=4)
NUMBERS = st.text("0123456789.,-e", max_size=5)


def made(**columns):
    frame = pl.DataFrame(
        {k: pl.Series(k, [None if x is None else str(x) for x in v], dtype=pl.String) for k, v in columns.items()}
    )
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table)


def found(detector_name, /, **columns):
    """Values (or rows, where cells are empty) that the detector finds."""
    batch, reference = made(**columns)
    detector = registry.load("detectors", detector_name)()
    return detector.find(batch, detector.train(reference), reference).filter(pl.col("row").is_not_null())


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "OK", "failed", "faild", "N/A", "-", None, "o\u200bk", "wrong"]) | WORDS,
            st.sampled_from(["1", "2.5", "1,5", "3 kg", "-999", "many", None, "7.0"]) | NUMBERS,
            st.sampled_from(["AB-123", "AB-456", "CD-789", "cd-789", "CD789", None]),
        ),
        max_size=60,
    )
)  # fmt: skip
@pytest.mark.parametrize("name", NAMES)
def test_keeps_the_detector_contract(name, rows):
    batch, reference = made(**{k: [row[i] for row in rows] for i, k in enumerate(("state", "amount", "code"))})
    check_detector(registry.load("detectors", name)(), batch, reference)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("column", [[], [None] * 30, ["one"], ["same"] * 50])
def test_empty_null_single_and_constant_columns_have_no_findings(name, column):
    assert not len(found(name, a=column))


def test_an_empty_cell_is_missing_only_where_the_column_is_nearly_always_filled():
    habit = [str(i) for i in range(400)]
    habit[7] = None
    loose = [str(i) if i % 3 else None for i in range(400)]
    result = found("missing", habit=habit, loose=loose)
    assert result.select("row", "column").rows() == [(7, "habit")]


def test_an_empty_cell_is_missing_where_its_category_is_always_filled():
    status = ["shipped" if i % 2 else "open" for i in range(1000)]
    date = [f"2024-01-{1 + i % 28:02d}" if i % 2 else None for i in range(1000)]
    date[501] = None
    assert found("missing", status=status, shipped_at=date).select("row", "column").rows() == [(501, "shipped_at")]


def test_one_empty_cell_of_ten_is_no_habit():
    assert not len(found("missing", a=[*map(str, range(9)), None]))


def test_a_token_among_numbers_is_a_missing_value():
    result = found("disguised_missing", a=[*map(str, range(60)), "unknown", "?"])
    assert result["value"].sort().to_list() == ["?", "unknown"]


def test_a_spike_of_nines_apart_from_the_domain_is_a_missing_value():
    ages = [18 + i % 70 for i in range(500)]
    assert found("disguised_missing", age=ages + [999] * 40)["value"].unique().to_list() == ["999"]


def test_99_at_the_edge_of_ages_is_an_age():
    ages = [i % 99 for i in range(1, 800)]
    assert not len(found("disguised_missing", age=[*ages, *[99] * 60]))


def test_the_code_of_namibia_is_no_missing_value():
    assert not len(found("disguised_missing", country=["DE", "US", "FR", "NA", "IT", "ES"] * 50))


def test_a_word_among_numbers_is_of_another_type():
    assert found("type_mismatch", a=[*map(str, range(60)), "heavy"])["value"].to_list() == ["heavy"]


def test_a_repeated_word_among_numbers_is_a_category():
    assert not len(found("type_mismatch", hours=[str(10 + i % 60) for i in range(500)] + ["80+"] * 20))


def test_a_value_outside_the_pattern_is_found():
    codes = [f"AB-{i:04d}" for i in range(300)]
    assert found("format", code=[*codes, "AB0301", "A-0302"])["value"].sort().to_list() == ["A-0302", "AB0301"]


def test_names_have_no_pattern():
    names = ["Anna", "Berta Maria", "Carla", "O'Neil", "de Vries", "McDonald", "Li", "Jean-Luc"] * 20
    assert not len(found("format", name=names))


def test_a_day_that_does_not_exist_is_found():
    days = [f"{d:02d}.{m:02d}.2021" for d in range(1, 29) for m in range(1, 13)]
    assert found("format", day=[*days, "31.02.2021"])["value"].to_list() == ["31.02.2021"]


def test_bytes_read_in_another_encoding_are_found():
    towns = ["Köln", "Bonn", "Essen", "Mainz"] * 30
    assert found("format", town=[*towns, "KÃ¶ln"])["value"].to_list() == ["KÃ¶ln"]


def test_a_slip_of_a_frequent_word_is_a_typo_and_a_rare_word_is_none():
    cells = ["delivered"] * 300 + ["returned"] * 200 + ["cancelled"] * 100 + ["deliverd", "retruned", "archived"]
    assert found("typo", status=cells)["value"].sort().to_list() == ["deliverd", "retruned"]


def test_names_that_differ_by_chance_are_no_typos():
    syllables = ["ba", "be", "bi", "ka", "ke", "ki", "la", "le", "li"]
    names = [a + b for a in syllables for b in syllables]
    cells = [name for i, name in enumerate(names) for _ in range(1 if i % 3 else 20)]
    assert not len(found("typo", name=cells))


def test_codes_that_differ_in_a_digit_are_no_typos():
    assert not len(found("typo", model=["Alpha 100"] * 200 + ["Alpha 101"] + ["Beta 200"] * 100))


def test_a_lone_category_is_found_among_frequent_ones():
    cells = ["red"] * 300 + ["green"] * 200 + ["blue"] * 250 + ["ultramarine"]
    assert found("rare_category", colour=cells)["value"].to_list() == ["ultramarine"]


def test_a_long_tail_of_categories_is_no_finding():
    cells = [f"kind {chr(97 + i)}" for i in range(26) for _ in range(1 + i * i)]
    assert not len(found("rare_category", kind=cells))


def test_invisible_and_lost_characters_are_found():
    cells = ["north", "south", "east", "west"] * 30
    result = found("text_anomaly", side=[*cells, "no\u200brth", "\ufffd\ufffdn"])
    assert result["value"].sort().to_list() == sorted(["no\u200brth", "\ufffd\ufffdn"])


def test_a_habit_of_the_whole_column_is_one_finding():
    batch, reference = made(job=["clerk", "driver", "nurse", "cook", "?"] * 100)
    detector = registry.load("detectors", "disguised_missing")()
    result = detector.find(batch, detector.train(reference), reference)
    assert result.select("row", "column").rows() == [(None, "job")]


def test_values_of_a_later_batch_are_judged_by_what_was_learned():
    days = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2021" for i in range(300)]
    _, reference = made(code=[f"AB-{i:04d}" for i in range(300)], amount=[f"{i}.5" for i in range(300)], day=days)
    later = pl.DataFrame(
        {"code": ["AB-9999", "AB9998"], "amount": ["7.5", "8,5 kg"], "day": ["2022-05-14", "01.01.2022"]}
    )
    batch = Batch(TableRef("later"), later, pl.Series("row", [0, 1]))
    found = []
    for name in ("format", "unit"):
        detector = registry.load("detectors", name)()
        found += detector.find(batch, detector.train(reference), reference)["value"].to_list()
    assert sorted(found) == ["2022-05-14", "8,5 kg", "AB9998"]


def test_joiners_of_emoji_and_of_scripts_are_no_invisible_noise_but_in_plain_words_they_are():
    family, persian, broken = "👩\u200d👩\u200d👧 Kim", "می\u200cخواهم", "Ber\u200dlin"
    told = found("text_anomaly", a=[family, persian, "Berlin", "Oslo"] * 30 + [broken, "Os\u200blo"])
    assert sorted(told["value"]) == sorted([broken, "Os\u200blo"])
