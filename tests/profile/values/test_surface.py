import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.profile.build import reference_of
from kintsu.profile.values.judgement import judgement_of


def judged(values):
    batch = Batch.of(pl.DataFrame({"a": values}, schema={"a": pl.String}))
    reference = reference_of(lambda columns=None: iter([batch]), batch.table, seed=0)
    table = judgement_of(reference, "a").filter("mend")
    return dict(table.select("value", "new").iter_rows())


CODES = [f"AB-{1000 + 37 * i}" for i in range(200)]
WORDS = ["paid", "open", "sent", "lost"] * 60


@pytest.mark.parametrize("mark", [" (old)", "#", " - copy", "_x", " [1]", "~"])
def test_a_mark_after_many_codes_is_taken_away(mark):
    marked = {code + mark: code for code in CODES[::20]}
    assert judged([*marked, *(c for c in CODES if c + mark not in marked)]) == marked


@pytest.mark.parametrize("mark", ["no. ", "'", "> ", "ref:"])
def test_a_mark_before_many_numbers_is_taken_away(mark):
    numbers = [str(100 + 3 * i) for i in range(200)]
    marked = {mark + n: n for n in numbers[::20]}
    assert judged([*marked, *(n for n in numbers if mark + n not in marked)]) == marked


def test_letters_after_numbers_are_no_marks():
    houses = [str(i) for i in range(1, 150)] + [f"{i}-{c}" for i in range(1, 30) for c in "ABCDE"]
    assert not judged(houses)


@pytest.mark.parametrize("damaged", ["paid ", "PAID", "PAID ", "'paid'", "'PAID'", " pAid\t"])
def test_repairs_go_on_from_one_to_the_next(damaged):
    assert judged([*WORDS, damaged]) == {damaged: "paid"}


def test_blanks_in_a_third_of_the_cells_are_taken_away():
    words = [word + (" " if i % 3 == 0 else "") for i, word in enumerate(WORDS)]
    assert judged(words) == {f"{word} ": word for word in ("paid", "open", "sent", "lost")}


def test_integers_with_a_trailing_zero_are_integers_among_integers():
    numbers = [str(i) + (".0" if i % 5 == 0 else "") for i in range(1, 300)]
    assert judged(numbers) == {f"{i}.0": str(i) for i in range(5, 300, 5)}


def test_a_letter_that_looks_like_a_digit_is_one_where_the_decimals_say_so():
    prices = [f"{3 + 0.37 * i:.2f}" for i in range(200)]
    assert judged([*prices, "34.8l", "S7.47"]) == {"34.8l": "34.81", "S7.47": "57.47"}


def test_signs_that_mark_several_columns_are_taken_from_a_column_of_few_values():
    numbers = [str(100 + 3 * i) for i in range(200)]
    marked = [n + "?" if i % 20 == 0 else n for i, n in enumerate(numbers)]
    flags = ["0?" if i == 7 else str(i % 2) for i in range(200)]
    batch = Batch.of(pl.DataFrame({"a": marked, "b": marked[::-1], "c": flags}))
    reference = reference_of(lambda columns=None: iter([batch]), batch.table, seed=0)
    assert judgement_of(reference, "c").filter("mend").select("value", "new").rows() == [("0?", "0")]


def test_many_different_signs_after_numbers_are_taken_away():
    numbers = [str(100 + 3 * i) for i in range(200)]
    marked = {n + "?#*!^"[i % 5]: n for i, n in enumerate(numbers[::8])}
    assert judged([*marked, *(n for n in numbers if n not in marked.values())]) == marked


def test_a_plus_sign_that_others_do_not_have_is_taken_away():
    numbers = [str(100 + 3 * i) for i in range(200)]
    assert judged([*numbers, "+400", "+7"]) == {"+400": "400", "+7": "7"}
    assert not judged([f"+{n}" for n in numbers])


def test_few_fractions_do_not_make_integers_floats():
    numbers = [str(i) for i in range(1, 300)]
    assert judged([*numbers, "46.0", "0.46", "0.51"])["46.0"] == "46"


def test_text_that_ends_where_others_go_on_keeps_its_blank():
    names = [f"{a} {b}" for a in ("Cold", "Warm", "Dark") for b in ("Room", "Hall", "Yard")] * 20
    found = judged([*names, "Cold ", "Warm Hall "])
    assert found["Warm Hall "] == "Warm Hall"
    assert found.get("Cold ") != "Cold"


def test_a_broken_dash_is_the_dash_that_the_column_has():
    codes = [f"AB-{1000 + 37 * i}" for i in range(200)]
    assert judged([*codes, "ABâ€“1007"]) == {"ABâ€“1007": "AB-1007"}
    numbers = [f"{(-1) ** i * (3 + 0.37 * i):.2f}" for i in range(200)]
    assert judged([*numbers, "â€“7.31"]) == {"â€“7.31": "-7.31"}


def test_an_address_is_not_read_from_its_end():
    addresses = [f"{a}.{b}@mail.org" for a in ("anna", "ben", "carl", "dora") for b in "abcdefghijklmnop"]
    assert not judged([*addresses, "anna.b@mail.", "ben.c@mai*.org"])


def test_a_currency_before_a_number_is_no_lost_digit():
    numbers = [f"{3 + 0.1 * i:.1f}" for i in range(150)] * 2
    found = judged([*numbers, "$5.8", "$3.1", "$7.4", "$6.2"])
    assert not set(found.values()) - {"5.8", "3.1", "7.4", "6.2"}


def test_a_sign_over_a_digit_is_not_taken_out():
    numbers = [f"{0.001 * i:.3f}" for i in range(100, 400)]
    assert not judged([*numbers, "0.1*5", "0.2*1", "0.3*7"])
    assert judged([*numbers, "0.1*25", "0.2*71", "0.3*77"]) == {"0.1*25": "0.125", "0.2*71": "0.271", "0.3*77": "0.377"}


def test_numbers_without_a_unit_keep_the_point_that_all_have():
    numbers = [f"{0.5 * i + 1}" for i in range(150)] + ["12.25", "7.75"]
    assert judged([*numbers, "21 kg", "13.0 kg"]) == {"21 kg": "21.0", "13.0 kg": "13.0"}


def test_the_order_of_day_and_month_is_that_of_dates_read_in_one_way():
    days = [f"2024-{m:02d}-{d:02d}" for m in range(1, 13) for d in range(1, 28)]
    found = judged([*days, *(f"{d}/03/2024" for d in range(14, 28)), "04/05/2024"])
    assert found["04/05/2024"] == "2024-05-04"


def test_a_digit_typed_twice_is_written_once():
    days = [f"2024-{m:02d}-{d:02d}" for m in range(1, 13) for d in range(1, 28)]
    damaged = {"20244-07-21": "2024-07-21", "2024-005-09": "2024-05-09", "2024-099-24": "2024-09-24"}
    assert judged([*days, *days, *damaged]) == damaged
    assert "2024-113-05" not in judged([*days, *damaged, "2024-113-05"])  # there is no thirteenth month


def test_a_longer_value_that_comes_again_is_no_slip():
    bands = ["10k-20k", "20k-30k", "30k-45k", "45k-60k", "60k-75k", "75k-90k"] * 40 + ["60k-100k"] * 20
    assert not judged([*bands, *["90k-100k"] * 3])


def test_zeros_behind_a_code_of_digits_may_be_those_of_a_factor():
    codes = [f"{i:05d}" for i in range(1067, 99000, 487)]
    assert judged([*codes, "033723", "202550", "4177000"]) == {"033723": "03723"}


def test_a_foreign_character_inside_a_code_is_taken_out():
    assert judged([*CODES, "AB-1Â037", "AB-10ö74"]) == {"AB-1Â037": "AB-1037", "AB-10ö74": "AB-1074"}


def test_a_sign_beside_a_number_of_any_width_may_stand_over_a_digit():
    pieces = [f"{i} pieces" for i in range(1, 100)] * 2
    assert not judged([*pieces, "3x pieces", "1x pieces"])


def test_a_key_that_stuck_is_a_slip():
    assert judged([*WORDS, "paaaid", "opennn", "lossst"]) == {"paaaid": "paid", "opennn": "open", "lossst": "lost"}


def test_words_whose_end_was_cut_off_are_written_out():
    words = ["Hardcover", "Paperback", "E-book", "Audio book"] * 60
    assert judged([*words, "Hardco", "Pape", "Audio ", "Paperba"]) == {
        "Hardco": "Hardcover", "Pape": "Paperback", "Audio ": "Audio book", "Paperba": "Paperback"
    }  # fmt: skip


def test_two_values_that_another_begins_with_are_no_habit_of_cutting():
    words = ["Jon", "Jonathan", "Anna", "Annabelle", "Max", "Maximilian", "Eva", "Evangeline"] * 30
    assert not judged([*words, "Annabe", "Maximil"])
